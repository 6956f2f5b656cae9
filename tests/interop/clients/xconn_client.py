"""xconn on asyncio. It has neither progressive results nor cancellation."""

from __future__ import annotations

import asyncio

import driver
from wampproto import auth as wampproto_auth
from wampproto import exception as wampproto_exception
from wampproto import serializers
from xconn import async_client
from xconn.exception import ApplicationError
from xconn.types import Result

SERIALIZERS = {
    "json": serializers.JSONSerializer,
    "msgpack": serializers.MsgPackSerializer,
    "cbor": serializers.CBORSerializer,
}
AUTHENTICATORS = {
    "ticket": lambda it: wampproto_auth.TicketAuthenticator(it["authid"], it["ticket"]),
    "wampcra": lambda it: wampproto_auth.WAMPCRAAuthenticator(it["authid"], it["secret"]),
    "cryptosign": lambda it: wampproto_auth.CryptoSignAuthenticator(it["authid"], it["privkey"]),
}


class Client:
    """One session at a time, told what to do."""

    def __init__(self):
        self._calls = {}
        self._registrations = {}
        self._subscriptions = {}
        self._events = asyncio.Queue()
        self._gone = asyncio.Queue()
        self._session = None

    async def do_join(self, url, realm, serializer, auth=None):
        self._gone = gone = asyncio.Queue()

        async def disconnected():
            gone.put_nowait("disconnected")

        (authenticator,) = [AUTHENTICATORS[name](it) for name, it in auth.items()] if auth else [None]
        try:
            self._session = await async_client.connect(
                url, realm, authenticator, SERIALIZERS[serializer](), disconnect_callback=disconnected
            )
        except wampproto_exception.ApplicationError as error:
            raise driver.WireError(error.message) from error
        details = self._session._base_session.session_details
        return {"session": details.session_id, "authid": details.authid, "authrole": details.authrole}

    async def do_start(self, key, procedure, args=(), kwargs=None, **options):
        self._calls[key] = asyncio.ensure_future(
            self._session.call(procedure, list(args), kwargs or {}, options or None)
        )

    async def do_finish(self, key):
        return {**content(await sent(self._calls.pop(key))), "parts": []}

    async def do_register(self, procedure, kind, **options):
        endpoint = getattr(self, f"_{kind}")
        self._registrations[procedure] = await sent(self._session.register(procedure, endpoint, options or None))

    async def do_unregister(self, procedure):
        await sent(self._registrations.pop(procedure).unregister())

    async def do_subscribe(self, topic, **options):
        async def heard(event):
            details = event.details or {}
            self._events.put_nowait(
                {**content(event), "topic": details.get("topic"), "publisher": details.get("publisher")}
            )

        self._subscriptions[topic] = await sent(self._session.subscribe(topic, heard, options or None))

    async def do_unsubscribe(self, topic):
        await sent(self._subscriptions.pop(topic).unsubscribe())

    async def do_events(self, count):
        return [await self._events.get() for _ in range(count)]

    async def do_publish(self, topic, args=(), kwargs=None, **options):
        await sent(self._session.publish(topic, list(args), kwargs or {}, options or None))

    async def do_leave(self):
        await self._session.leave()

    async def do_gone(self):
        return await self._gone.get()

    async def do_drop(self):
        await self._session._base_session.transport.close()

    # ---- procedures

    async def _echo(self, invocation):
        return Result(invocation.args, invocation.kwargs)

    async def _add(self, invocation):
        return Result([sum(invocation.args)])

    async def _wait(self, invocation):
        await asyncio.Event().wait()

    async def _fail(self, invocation):
        raise ApplicationError("com.example.error.refused", "why")

    async def _whoami(self, invocation):
        details = invocation.details or {}
        known = [details.get(name) for name in ("caller", "caller_authid", "caller_authrole")]
        return Result(known, {"procedure": details.get("procedure")})


def content(message):
    return {"args": list(message.args or ()), "kwargs": dict(message.kwargs or {})}


def wire_error(error):
    return driver.WireError(error.message, error.args[1:] if error.args[:1] == (error.message,) else error.args)


async def sent(request):
    try:
        return await request
    except ApplicationError as error:
        raise wire_error(error) from error


async def main():
    loop = asyncio.get_running_loop()
    commands = asyncio.Queue()
    driver.read_commands(lambda command: loop.call_soon_threadsafe(commands.put_nowait, command))
    client = Client()
    while (command := await commands.get()) is not None:
        driver.write_answer(await driver.answer(client, command))


if __name__ == "__main__":
    asyncio.run(main())
