"""One procedure, two callees in turn; what handlers are told besides the payload (Twisted).

Prints:

    ['one', 'two', 'one', 'two']
    event in com.myapp.shared.event, publication int
    called as com.myapp.shared.caller
"""

import sys

from autobahn.twisted.component import Component, run
from autobahn.wamp.types import PublishOptions, RegisterOptions, SubscribeOptions
from twisted.internet.defer import Deferred, inlineCallbacks

URL = sys.argv[1] if len(sys.argv) > 1 else "ws://127.0.0.1:8080/ws"


one = Component(transports=URL, realm="realm1")
two = Component(transports=URL, realm="realm1")
first_is_there = Deferred()
second_is_there = Deferred()


@one.on_join
@inlineCallbacks
def joined_one(session, details):
    yield session.register(lambda: "one", "com.myapp.shared.who", options=RegisterOptions(invoke="roundrobin"))
    first_is_there.callback(None)
    second = yield second_is_there
    answers = []
    for _ in range(4):
        answers.append((yield session.call("com.myapp.shared.who")))
    print(answers)
    heard = Deferred()

    def on_event(details=None):
        heard.callback(f"event in {details.topic}, publication {type(details.publication).__name__}")

    yield session.subscribe(on_event, "com.myapp.shared.event", options=SubscribeOptions(details_arg="details"))
    session.publish("com.myapp.shared.event", options=PublishOptions(exclude_me=False))
    print((yield heard))
    yield session.register(
        lambda details=None: details.procedure, "com.myapp.shared.caller", options=RegisterOptions(details=True)
    )
    print("called as", (yield session.call("com.myapp.shared.caller")))
    second.leave()
    session.leave()


@two.on_join
@inlineCallbacks
def joined_two(session, details):
    yield first_is_there
    yield session.register(lambda: "two", "com.myapp.shared.who", options=RegisterOptions(invoke="roundrobin"))
    second_is_there.callback(session)


if __name__ == "__main__":
    run([one, two], log_level=None)
