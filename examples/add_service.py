"""A component that offers a procedure for as long as it runs.

    trowamp router                      # in one terminal
    python examples/add_service.py      # in another one
    python examples/add_client.py       # in a third one

It survives a restart of the router: stop the router, start it again, and call once more.
"""

import sys

import trowamp

url = sys.argv[1] if len(sys.argv) > 1 else "ws://127.0.0.1:8080/ws"
app = trowamp.Component(url, realm="realm1")


@app.register("com.example.add2")
async def add2(x: int, y: int) -> int:
    return x + y


@app.on_ready
def ready(session: trowamp.Session) -> None:
    print(f"serving com.example.add2 in {session.realm}", flush=True)


if __name__ == "__main__":
    trowamp.run(app)
