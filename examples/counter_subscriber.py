"""Receives three events of `counter_publisher.py`, then ends. Needs a router.

python examples/counter_subscriber.py [URL]
"""

import sys

import trowamp

url = sys.argv[1] if len(sys.argv) > 1 else "ws://127.0.0.1:8080/ws"
app = trowamp.Component(url, realm="realm1")
received: list[int] = []


@app.subscribe("com.example.oncounter")
def on_counter(count: int) -> None:
    received.append(count)
    print("event received:", count, flush=True)
    if len(received) == 3:
        app.stop()


if __name__ == "__main__":
    trowamp.run(app)
