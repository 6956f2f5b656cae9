"""Publishes a counter, one event a second, for as long as it runs. Needs a router.

python examples/counter_publisher.py [URL [SECONDS]]
"""

import sys

import trio

import trowamp

url = sys.argv[1] if len(sys.argv) > 1 else "ws://127.0.0.1:8080/ws"
interval = float(sys.argv[2]) if len(sys.argv) > 2 else 1.0
app = trowamp.Component(url, realm="realm1")


@app.main
async def count(session: trowamp.Session) -> None:
    counter = 0
    while True:
        await session.publish("com.example.oncounter", counter)
        counter += 1
        await trio.sleep(interval)


if __name__ == "__main__":
    trowamp.run(app)
