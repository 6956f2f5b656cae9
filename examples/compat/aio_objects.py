"""Objects with decorated methods, registered and subscribed as a whole (asyncio).

Prints:

    2 procedures, 1 subscription
    7
    49
    on_event 7
    com.calculator.square is gone: wamp.error.no_such_procedure
"""

import asyncio
import sys

from autobahn import wamp
from autobahn.asyncio.wamp import ApplicationRunner, ApplicationSession
from autobahn.wamp.types import PublishOptions

URL = sys.argv[1] if len(sys.argv) > 1 else "ws://127.0.0.1:8080/ws"


class Calculator:
    def __init__(self):
        self.heard = asyncio.get_running_loop().create_future()

    @wamp.register("com.calculator.add")
    def add(self, a, b):
        return a + b

    @wamp.register("com.calculator.square")
    async def square(self, x):
        return x * x

    @wamp.subscribe("com.calculator.on_event")
    def on_event(self, value):
        print("on_event", value)
        self.heard.set_result(None)


class Session(ApplicationSession):
    async def onJoin(self, details):
        calculator = Calculator()
        registrations = await self.register(calculator)
        subscriptions = await self.subscribe(calculator)
        print(f"{len(registrations)} procedures, {len(subscriptions)} subscription")
        print(await self.call("com.calculator.add", 3, 4))
        print(await self.call("com.calculator.square", 7))
        await self.publish("com.calculator.on_event", 7, options=PublishOptions(acknowledge=True, exclude_me=False))
        await calculator.heard
        for registration in registrations:
            if registration.procedure == "com.calculator.square":
                await registration.unregister()
        await subscriptions[0].unsubscribe()
        try:
            await self.call("com.calculator.square", 7)
        except wamp.ApplicationError as error:
            print("com.calculator.square is gone:", error.error)
        self.leave()

    def onDisconnect(self):
        asyncio.get_event_loop().stop()


if __name__ == "__main__":
    ApplicationRunner(URL, "realm1").run(Session, log_level="error")
