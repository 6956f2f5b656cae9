"""End-to-end encryption: payloads that the router carries and cannot read. Prints:

joe earns 1000
somebody without the key: wamp.error.no_payload_codec
in secret: ('a raise',) True
"""

import logging
import secrets

import trio

import trowamp
from trowamp.payloads import Key, KeyPair, KeyRing

staff = KeyPair.of(secrets.token_bytes(32))
office = KeyPair.of(secrets.token_bytes(32))
ring_of_staff = KeyRing({"com.example.pay.": Key(originator_public=office.public, responder_private=staff.private)})
ring_of_office = KeyRing({"com.example.pay.": Key(originator_private=office.private, responder_public=staff.public)})


async def main() -> None:
    logging.getLogger("trowamp").setLevel(logging.CRITICAL)  # the log tells of the call that was refused
    async with (
        trowamp.open_router() as router,
        router.open_session(realm="realm1", payload_codec=ring_of_office) as boss,
        router.open_session(realm="realm1", payload_codec=ring_of_staff) as joe,
        router.open_session(realm="realm1") as spy,
    ):
        await joe.register("com.example.pay.joe", lambda: 1000)
        print("joe earns", await boss.call("com.example.pay.joe"))
        await spy.register("com.example.pay.somebody", lambda: 0)
        try:
            await boss.call("com.example.pay.somebody")
        except trowamp.NoPayloadCodec as error:
            print("somebody without the key:", error.uri)
        async with joe.open_subscription("com.example.pay.news") as news:
            await boss.publish("com.example.pay.news", "a raise")
            event = await anext(news)
            print("in secret:", event.args, event.is_encrypted)


trio.run(main)
