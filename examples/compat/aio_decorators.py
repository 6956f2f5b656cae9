"""Procedures and event handlers by decorators, and a main function (asyncio).

Prints:

    5
    12
    event: 1 in com.myapp.decorators.counter
    event: 2 in com.myapp.decorators.counter
    done
"""

import asyncio
import sys

from autobahn.asyncio.component import Component, run
from autobahn.wamp.types import PublishOptions, SubscribeOptions

URL = sys.argv[1] if len(sys.argv) > 1 else "ws://127.0.0.1:8080/ws"


async def main(loop, session):
    print(await session.call("com.myapp.decorators.add2", 2, 3))
    print(await session.call("com.myapp.decorators.times", 3, y=4))
    for counter in (1, 2):
        await session.publish(
            "com.myapp.decorators.counter", counter, options=PublishOptions(acknowledge=True, exclude_me=False)
        )
    await asyncio.wait_for(heard_all, 5)
    print("done")


component = Component(transports=[{"type": "websocket", "url": URL}], realm="realm1", main=main)
heard_all = None


@component.on_join
def joined(session, details):
    global heard_all
    heard_all = asyncio.get_running_loop().create_future()


@component.register("com.myapp.decorators.add2")
def add2(x, y):
    return x + y


@component.register("com.myapp.decorators.times")
async def times(x, y=1):
    await asyncio.sleep(0)
    return x * y


@component.subscribe("com.myapp.decorators.", options=SubscribeOptions(match="prefix", details_arg="details"))
def on_counter(count, details=None):
    print("event:", count, "in", details.topic)
    if count == 2:
        heard_all.set_result(None)


if __name__ == "__main__":
    run([component], log_level=None)
