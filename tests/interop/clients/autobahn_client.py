"""Autobahn|Python, on asyncio or on Twisted: `autobahn_client.py asyncio`."""

from __future__ import annotations

import sys

import driver
import txaio
from autobahn.wamp.exception import ApplicationError
from autobahn.wamp.types import CallOptions, CallResult, PublishOptions, RegisterOptions, SubscribeOptions

FRAMEWORK = sys.argv[1]
getattr(txaio, f"use_{FRAMEWORK}")()

if FRAMEWORK == "twisted":
    from autobahn.twisted.component import Component
    from twisted.internet import reactor
else:
    import asyncio

    from autobahn.asyncio.component import Component


class Client:
    """One session at a time, told what to do."""

    def __init__(self):
        self._calls = {}
        self._registrations = {}
        self._subscriptions = {}
        self._events = Queue()
        self._interrupted = Queue()
        self._gone = Queue()
        self._session = None

    async def do_join(self, url, realm, serializer, auth=None):
        kind = "websocket" if url.startswith("ws") else "rawsocket"
        if serializer.endswith(".batched"):
            accept(serializer)
        chosen = {"serializers": [serializer]} if kind == "websocket" else {"serializer": serializer}
        transport = {"type": kind, "url": url, "max_retries": 0, **chosen}
        for method in auth or {}:
            auth[method].pop("pubkey", None)  # it follows from the private key
        component = Component(transports=[transport], realm=realm, authentication=auth)
        joined = txaio.create_future()
        self._gone = gone = Queue()

        def on_join(session, details):
            self._session = session
            txaio.resolve(joined, {"session": details.session, "authid": details.authid, "authrole": details.authrole})

        def on_leave(session, details):
            gone.put(details.reason)
            if not txaio.is_called(joined):
                txaio.reject(joined, driver.WireError(details.reason, [details.message]))

        component.on("join", on_join)
        component.on("leave", on_leave)
        component.on("disconnect", lambda session, was_clean=None: gone.put("disconnected"))
        ended = component.start(reactor if FRAMEWORK == "twisted" else asyncio.get_running_loop())

        def failed(failure):
            if not txaio.is_called(joined):
                txaio.reject(joined, failure)

        txaio.add_callbacks(ended, None, failed)
        return await joined

    async def do_keys(self, keys):
        """Give the session a key ring: beginnings of URIs to the arguments of a key."""
        from autobahn.wamp import cryptobox  # asks for the framework

        ring = cryptobox.KeyRing()
        for uri, key in keys.items():
            ring.set_key(uri, cryptobox.Key(**key))
        self._session.set_payload_codec(ring)

    async def do_start(self, key, procedure, args=(), kwargs=None, progress=False, **options):
        parts = []
        if progress:
            options["on_progress"] = lambda *args, **kwargs: parts.append(content(args, kwargs))
        call = self._session.call(procedure, *args, options=CallOptions(**options), **(kwargs or {}))
        self._calls[key] = (call, parts)

    async def do_cancel(self, key):
        self._calls[key][0].cancel()

    async def do_finish(self, key):
        call, parts = self._calls.pop(key)
        try:
            result = await call
        except ApplicationError as error:
            raise driver.WireError(error.error, error.args, error.kwargs) from error
        except BaseException as error:
            if type(error).__name__ == "CancelledError":  # asyncio's or Twisted's
                raise driver.WireError("cancelled") from error
            raise
        if isinstance(result, CallResult):
            return {**content(result.results, result.kwresults), "parts": parts}
        return {**content([] if result is None else [result], {}), "parts": parts}

    async def do_register(self, procedure, kind, **options):
        endpoint = getattr(self, f"_{kind}")
        chosen = RegisterOptions(details_arg="details", **options)
        self._registrations[procedure] = await sent(self._session.register(endpoint, procedure, options=chosen))

    async def do_unregister(self, procedure):
        await sent(self._registrations.pop(procedure).unregister())

    async def do_interrupted(self):
        return await self._interrupted.get()

    async def do_subscribe(self, topic, **options):
        def heard(*args, details, **kwargs):
            self._events.put({**content(args, kwargs), "topic": details.topic, "publisher": details.publisher})

        chosen = SubscribeOptions(details_arg="details", **options)
        self._subscriptions[topic] = await sent(self._session.subscribe(heard, topic, options=chosen))

    async def do_unsubscribe(self, topic):
        await sent(self._subscriptions.pop(topic).unsubscribe())

    async def do_events(self, count):
        return [await self._events.get() for _ in range(count)]

    async def do_publish(self, topic, args=(), kwargs=None, **options):
        options.pop("disclose_me", None)  # there is no such option
        done = self._session.publish(topic, *args, options=PublishOptions(**options), **(kwargs or {}))
        return None if done is None else (await sent(done)).id

    async def do_leave(self):
        self._session.leave()
        return await self._gone.get()

    async def do_gone(self):
        return await self._gone.get()

    async def do_drop(self):
        self._session._transport.abort()

    # ---- procedures

    def _echo(self, *args, details, **kwargs):
        return CallResult(*args, **kwargs)

    def _add(self, x, y, details):
        return x + y

    async def _count(self, number, details):
        for part in range(number if details.progress else 0):
            details.progress(part)
        return number

    async def _wait(self, details):
        try:
            await txaio.create_future()
        except BaseException as error:
            self._interrupted.put(type(error).__name__)
            raise

    def _fail(self, details):
        raise ApplicationError("com.example.error.refused", "why", detail=42)

    def _algorithm(self, *args, details, **kwargs):
        return details.enc_algo

    def _whoami(self, details):
        return CallResult(details.caller, details.caller_authid, details.caller_authrole, procedure=details.procedure)


class Queue:
    """What has happened and nobody has asked for."""

    def __init__(self):
        self._items = []
        self._waiting = None

    def put(self, item):
        self._items.append(item)
        if self._waiting is not None:
            waiting, self._waiting = self._waiting, None
            txaio.resolve(waiting, None)

    async def get(self):
        if not self._items:
            self._waiting = txaio.create_future()
            await self._waiting
        return self._items.pop(0)


def content(args, kwargs):
    return {"args": list(args or ()), "kwargs": dict(kwargs or {})}


def accept(serializer):
    """Have components accept a name that they could make a serializer for."""
    from autobahn.wamp.serializer import SERID_TO_SER

    SERID_TO_SER.setdefault(serializer)


async def sent(request):
    try:
        return await request
    except ApplicationError as error:
        raise driver.WireError(error.error, error.args, error.kwargs) from error


async def obey(client, command):
    driver.write_answer(await driver.answer(client, command))


def run_twisted(client):
    from twisted.internet.defer import ensureDeferred

    def take(command):
        if command is None:
            reactor.callFromThread(reactor.stop)
        else:
            reactor.callFromThread(lambda: ensureDeferred(obey(client, command)))

    reactor.callWhenRunning(driver.read_commands, take)
    reactor.run()


def run_asyncio(client):
    async def main():
        loop = asyncio.get_running_loop()
        commands = asyncio.Queue()
        driver.read_commands(lambda command: loop.call_soon_threadsafe(commands.put_nowait, command))
        while (command := await commands.get()) is not None:
            await obey(client, command)

    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    txaio.config.loop = loop
    loop.run_until_complete(main())


if __name__ == "__main__":
    {"twisted": run_twisted, "asyncio": run_asyncio}[FRAMEWORK](Client())
