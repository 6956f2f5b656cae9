"""Results that come in parts (asyncio).

Prints:

    0 of 3
    1 of 3
    2 of 3
    total: 3
    without progress: 3
"""

import sys

from autobahn.asyncio.component import Component, run
from autobahn.wamp.types import CallOptions, RegisterOptions

URL = sys.argv[1] if len(sys.argv) > 1 else "ws://127.0.0.1:8080/ws"

component = Component(transports=URL, realm="realm1")


@component.register("com.myapp.progress.longop", options=RegisterOptions(details=True))
async def longop(n, details=None):
    if details.progress:
        for i in range(n):
            details.progress(f"{i} of {n}")
    return n


@component.on_ready
async def ready(session):
    options = CallOptions(on_progress=print)
    print("total:", await session.call("com.myapp.progress.longop", 3, options=options))
    print("without progress:", await session.call("com.myapp.progress.longop", 3))
    await session.leave()


if __name__ == "__main__":
    run([component], log_level=None)
