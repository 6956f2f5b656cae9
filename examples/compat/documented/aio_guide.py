"""What Autobahn's guides say and Autobahn does not do: procedures without a URI, patterns that bind, either order, what is injected (asyncio).

Prints:

    5
    You said hi. I say hello!
    delete t130
    item 7
    concert 'Ali' in munich, de/bavaria
    below us: montana.billings.on_challenge
    0 items processed so far ..
    1 items processed so far ..
    2 items in total.
    Giving up.
    transport disconnected
"""

import asyncio
import sys

from autobahn import wamp
from autobahn.asyncio.component import Component, run
from autobahn.wamp.types import CallOptions, Invocation, PublishOptions, RegisterOptions

URL = sys.argv[1] if len(sys.argv) > 1 else "ws://127.0.0.1:8080/ws"

component = Component(transports=URL, realm="realm1")


@component.register
def add2(x, y):
    return x + y


def hello(msg):
    return f"You said {msg}. I say hello!"


def delete_task(invocation=Invocation):
    return "delete " + invocation.procedure.split(".")[3]


@wamp.procedure("com.myguide.<obj_type>.<int:id>.get_name")
def get_object_name(obj_type, id):
    return f"{obj_type} {id}"


@wamp.topic("com.myguide.<country>.<state>.<city>.on_concert")
def on_concert(country, state, city, title):
    print(f"concert {title!r} in {city}, {country}/{state}")


@wamp.topic("com.myguide.us.<suffix:path>")
def on_us_event(path, title):
    print("below us:", path)


async def longop(n, invocation=Invocation):
    for i in range(n):
        invocation.progress(i)
        await asyncio.sleep(0)
    return n


async def sleeper():
    await asyncio.sleep(60)


def processed_so_far(i):
    print(f"{i} items processed so far ..")


@component.on_ready
async def ready(session):
    print(await session.call("add2", 2, 3))
    registration = await session.register("com.myguide.hello", hello)
    print(await session.call("com.myguide.hello", "hi"))
    await session.unregister(registration)

    await session.register("com.myguide.task..delete", delete_task, options=RegisterOptions(match="wildcard"))
    print(await session.call("com.myguide.task.t130.delete"))
    await session.register(get_object_name)
    print(await session.call("com.myguide.item.7.get_name"))

    await session.subscribe(on_concert)
    await session.subscribe(on_us_event)
    options = PublishOptions(acknowledge=True, exclude_me=False)
    await session.publish("com.myguide.de.bavaria.munich.on_concert", "Ali", options)
    await session.publish("com.myguide.us.montana.billings.on_challenge", "Who runs?", options)
    await asyncio.sleep(0.1)

    await session.register("com.myguide.longop", longop)
    total = await session.call("com.myguide.longop", 2, options=CallOptions(onProgress=processed_so_far))
    print(f"{total} items in total.")
    await session.register("com.myguide.sleeper", sleeper)
    try:
        await session.call("com.myguide.sleeper", options=CallOptions(timeout=0.1))
    except TimeoutError:
        print("Giving up.")
    await session.leave()


@component.on_disconnect
def disconnected(session, was_clean=False):
    print("transport disconnected")


if __name__ == "__main__":
    run(component, None)
