"""A session made by a factory, on a connection that the program makes itself (asyncio).

Prints:

    joined realm1
    6
    left
    disconnected
"""

import asyncio
import sys
from urllib.parse import urlsplit

from autobahn.asyncio.wamp import ApplicationSession, ApplicationSessionFactory
from autobahn.asyncio.websocket import WampWebSocketClientFactory
from autobahn.wamp.types import ComponentConfig

URL = sys.argv[1] if len(sys.argv) > 1 else "ws://127.0.0.1:8080/ws"


class Session(ApplicationSession):
    async def onJoin(self, details):
        print("joined", details.realm)
        await self.register(self.times, "com.myapp.factory.times")
        print(await self.call("com.myapp.factory.times", 2, 3))
        self.leave()

    def times(self, x, y):
        return x * y

    def onLeave(self, details):
        print("left")
        self.disconnect()

    def onDisconnect(self):
        print("disconnected")
        self.config.extra.set_result(None)


async def main():
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    sessions = ApplicationSessionFactory(ComponentConfig("realm1", done))
    sessions.session = Session
    transports = WampWebSocketClientFactory(sessions, url=URL)
    await loop.create_connection(transports, urlsplit(URL).hostname, urlsplit(URL).port)
    await done


if __name__ == "__main__":
    asyncio.run(main())
