"""Two components in one program: one counts, the other listens (asyncio).

Prints:

    received 0
    received 1
    received 2
    both have left
"""

import asyncio
import sys

from autobahn.asyncio.component import Component, run

URL = sys.argv[1] if len(sys.argv) > 1 else "ws://127.0.0.1:8080/ws"


publisher = Component(transports=URL, realm="realm1")
subscriber = Component(transports=URL, realm="realm1")
is_heard = False


@publisher.on_join
async def publish(session, details):
    counter = 0
    while not is_heard:
        # publish() is only async if we asked for an acknowledgement
        assert session.publish("com.myapp.loop.oncounter", counter) is None
        counter += 1
        await asyncio.sleep(0.02)
    await session.leave()


@subscriber.on_join
async def listen(session, details):
    first = None

    def oncounter(count):
        global is_heard
        nonlocal first
        first = count if first is None else first
        if count - first < 3:
            print("received", count - first)
        if count - first == 2:
            is_heard = True
            session.leave()

    await session.subscribe(oncounter, "com.myapp.loop.oncounter")


if __name__ == "__main__":
    run([publisher, subscriber], log_level=None)
    print("both have left")
