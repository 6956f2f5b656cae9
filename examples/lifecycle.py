"""Everything that happens to a component, in order. Needs a router. Prints:

connect
join: realm1
ready
main
leave: None
disconnect: None
"""

import sys

import trowamp

url = sys.argv[1] if len(sys.argv) > 1 else "ws://127.0.0.1:8080/ws"
app = trowamp.Component(url, realm="realm1")


@app.on_connect
def connected(url: str) -> None:
    print("connect")


@app.on_join
async def joined(session: trowamp.Session, details: trowamp.SessionDetails) -> None:
    print("join:", details.realm)


@app.on_ready
def ready(session: trowamp.Session) -> None:
    print("ready")


@app.main
async def main(session: trowamp.Session) -> None:
    print("main")


@app.on_leave
def left(error: Exception | None) -> None:
    print("leave:", error)


@app.on_disconnect
def disconnected(error: Exception | None) -> None:
    print("disconnect:", error)


if __name__ == "__main__":
    trowamp.run(app)
