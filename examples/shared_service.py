"""A component of which several run at a time, over whichever of several routers there is; they share the calls.

    trowamp router --listen ws://127.0.0.1:8080/ws                  # in one terminal, or a Crossbar.io node
    python examples/shared_service.py A ws://127.0.0.1:8080/ws      # in another one, or with several URLs
    python examples/shared_service.py B ws://127.0.0.1:8080/ws      # in a third one
    trowamp call com.example.who                                    # "A" and "B" in turn

docs/how-to/scale-out.md tells the rest.
"""

import sys

import trowamp

name, *urls = sys.argv[1:]
app = trowamp.Component(*urls, realm="realm1", initial_retry_delay=0.5)


@app.register("com.example.who", invoke="roundrobin")
async def who() -> str:
    return name


@app.on_ready
def ready(session: trowamp.Session) -> None:
    print(f"{name} is serving", flush=True)


if __name__ == "__main__":
    trowamp.run(app)
