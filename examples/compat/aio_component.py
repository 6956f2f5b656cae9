"""A component and what happens in its life (asyncio).

Prints:

    connected
    joined realm1 True
    5
    left wamp.close.goodbye_and_out
"""

import sys

from autobahn.asyncio.component import Component, run

URL = sys.argv[1] if len(sys.argv) > 1 else "ws://127.0.0.1:8080/ws"

component = Component(transports=URL, realm="realm1")


@component.on_connect
def connected(session, transport):
    print("connected")


@component.on_join
async def joined(session, details):
    print("joined", details.realm, session.is_attached())

    def add2(x, y):
        return x + y

    try:
        await session.register(add2, "com.myapp.add2")
    except Exception as e:
        print(f"could not register procedure: {e}")
    try:
        print(await session.call("com.myapp.add2", 2, 3))
    except Exception as e:
        print(f"call error: {e}")
    await session.leave()


@component.on_leave
def left(session, details):
    print("left", details.reason)


if __name__ == "__main__":
    run([component], log_level=None)
