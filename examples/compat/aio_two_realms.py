"""Two components in two realms: one passes on what the other hears (asyncio).

Prints:

    in realm2: from realm1: hello
"""

import sys

from autobahn.asyncio.component import Component, run
from autobahn.wamp.types import PublishOptions

URL = sys.argv[1] if len(sys.argv) > 1 else "ws://127.0.0.1:8080/ws"


first = Component(transports=URL, realm="realm1")
second = Component(transports=URL, realm="realm2")
sessions = {}


@first.on_join
async def joined_first(session, details):
    def pass_on(text):
        sessions["second"].publish(
            "com.myapp.realms.news", f"from realm1: {text}", options=PublishOptions(exclude_me=False)
        )

    await session.subscribe(pass_on, "com.myapp.realms.news")
    sessions["first"] = session
    begin()


@second.on_join
async def joined_second(session, details):
    def news(text):
        print("in realm2:", text)
        for each in sessions.values():
            each.leave()

    await session.subscribe(news, "com.myapp.realms.news")
    sessions["second"] = session
    begin()


def begin():
    if len(sessions) == 2:
        sessions["first"].publish("com.myapp.realms.news", "hello", options=PublishOptions(exclude_me=False))


if __name__ == "__main__":
    run([first, second], log_level=None)
