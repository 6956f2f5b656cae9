"""A call is cancelled by who has made it, and what it started ends (asyncio).

Prints:

    the procedure runs
    the call is cancelled
    the procedure is cancelled
    the session still works: 1
"""

import asyncio
import sys

from autobahn.asyncio.component import Component, run

URL = sys.argv[1] if len(sys.argv) > 1 else "ws://127.0.0.1:8080/ws"

component = Component(transports=URL, realm="realm1")
runs = None
ended = None


@component.register("com.myapp.cancel.longop")
async def longop():
    print("the procedure runs")
    runs.set()
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        ended.set()
        raise


@component.register("com.myapp.cancel.shortop")
def shortop():
    return 1


@component.on_ready
async def ready(session):
    global runs, ended
    runs, ended = asyncio.Event(), asyncio.Event()
    call = session.call("com.myapp.cancel.longop")
    await runs.wait()
    call.cancel()
    try:
        await call
    except asyncio.CancelledError:
        print("the call is cancelled")
    await ended.wait()
    print("the procedure is cancelled")
    print("the session still works:", await session.call("com.myapp.cancel.shortop"))
    await session.leave()


if __name__ == "__main__":
    run([component], log_level=None)
