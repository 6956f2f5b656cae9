"""A session by subclass, run by an ApplicationRunner (asyncio).

Prints:

    connected with some extra
    joined: MyComponent in realm1 as anonymous
    Hello, world
    event: 42
    left: wamp.close.goodbye_and_out
    disconnected
"""

import asyncio
import sys

from autobahn.asyncio.wamp import ApplicationRunner, ApplicationSession
from autobahn.wamp.types import PublishOptions

URL = sys.argv[1] if len(sys.argv) > 1 else "ws://127.0.0.1:8080/ws"


class MyComponent(ApplicationSession):
    def __init__(self, config=None):
        ApplicationSession.__init__(self, config)
        self.counter = 42

    def onConnect(self):
        print("connected with", self.config.extra["words"])
        self.join(self.config.realm)

    async def onJoin(self, details):
        print("joined:", type(self).__name__, "in", details.realm, "as", details.authrole)

        def hello(name, greeting="Hi"):
            return f"{greeting}, {name}"

        heard = asyncio.get_running_loop().create_future()
        await self.register(hello, "com.myapp.subclass.hello")
        await self.subscribe(heard.set_result, "com.myapp.subclass.counter")
        print(await self.call("com.myapp.subclass.hello", "world", greeting="Hello"))
        await self.publish(
            "com.myapp.subclass.counter", self.counter, options=PublishOptions(acknowledge=True, exclude_me=False)
        )
        print("event:", await heard)
        self.leave()

    def onLeave(self, details):
        print("left:", details.reason)
        self.disconnect()

    def onDisconnect(self):
        print("disconnected")
        asyncio.get_event_loop().stop()


if __name__ == "__main__":
    ApplicationRunner(URL, "realm1", extra={"words": "some extra"}).run(MyComponent, log_level="error")
