"""A component over RawSocket, its endpoint written out (Twisted).

Prints:

    joined over rawsocket
    {'joe': [1, 2.5, None]}
"""

import sys
from urllib.parse import urlsplit

from autobahn.twisted.component import Component, run

URL = sys.argv[1] if len(sys.argv) > 1 else "ws://127.0.0.1:8080/ws"

component = Component(
    transports=[
        {
            "type": "rawsocket",
            "serializer": "msgpack",
            "endpoint": {"type": "tcp", "host": urlsplit(URL).hostname, "port": urlsplit(URL).port, "timeout": 5},
            "max_retries": 3,
            "initial_retry_delay": 0.5,
        }
    ],
    realm="realm1",
)


@component.register("com.myapp.rawsocket.echo")
def echo(value):
    return value


@component.on_ready
async def ready(session):
    print("joined over rawsocket")
    print(await session.call("com.myapp.rawsocket.echo", {"joe": [1, 2.5, None]}))
    await session.leave()


if __name__ == "__main__":
    run([component], log_level=None)
