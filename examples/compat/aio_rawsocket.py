"""A session over RawSocket (asyncio).

Prints:

    joined over rawsocket
    {'joe': [1, 2.5, None]}
    left
"""

import asyncio
import sys
from urllib.parse import urlsplit

from autobahn.asyncio.rawsocket import WampRawSocketClientFactory
from autobahn.asyncio.wamp import ApplicationSession
from autobahn.wamp.serializer import MsgPackSerializer
from autobahn.wamp.types import ComponentConfig

URL = sys.argv[1] if len(sys.argv) > 1 else "ws://127.0.0.1:8080/ws"


class Session(ApplicationSession):
    async def onJoin(self, details):
        print("joined over rawsocket")

        def echo(value):
            return value

        await self.register(echo, "com.myapp.rawsocket.echo")
        print(await self.call("com.myapp.rawsocket.echo", {"joe": [1, 2.5, None]}))
        self.leave()

    def onLeave(self, details):
        print("left")
        self.config.extra.set_result(None)


async def main():
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    factory = WampRawSocketClientFactory(
        lambda: Session(ComponentConfig("realm1", done)), serializer=MsgPackSerializer()
    )
    await loop.create_connection(factory, urlsplit(URL).hostname, urlsplit(URL).port)
    await done


if __name__ == "__main__":
    asyncio.run(main())
