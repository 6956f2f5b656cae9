"""What a component can be told, all at once (Twisted).

Prints:

    connected to a router
    joined realm1
    foo called with ('caller', 7)
    call to foo returned 42
    event on com.example.topic: hello
    left
    disconnected
"""

import sys

from autobahn.twisted.component import Component, run
from autobahn.twisted.util import sleep
from autobahn.wamp.types import PublishOptions, RegisterOptions
from twisted.internet.defer import inlineCallbacks

URL = sys.argv[1] if len(sys.argv) > 1 else "ws://127.0.0.1:8080/ws"

component = Component(
    transports=[
        {
            "type": "websocket",
            "url": URL,
            "max_retries": 2,
            "initial_retry_delay": 1,
            "options": {"open_handshake_timeout": 100},
        }
    ],
    realm="realm1",
    authentication={"anonymous": {"authid": "somebody"}},
)


@component.on_connect
def connected(session, transport):
    print("connected to a router")


@component.on_join
@inlineCallbacks
def join(session, details):
    print("joined", details.realm)
    yield sleep(0.1)
    # a procedure of this very component
    res = yield session.call("com.example.foo", "caller", 7)
    print("call to foo returned", res)
    yield session.publish("com.example.topic", "hello", options=PublishOptions(acknowledge=True, exclude_me=False))
    yield sleep(0.1)
    yield session.leave()


@component.register("com.example.foo", options=RegisterOptions(details_arg="details"))
@inlineCallbacks
def foo(*args, details=None):
    print("foo called with", args)
    yield sleep(0.01)
    return 42


@component.subscribe("com.example.topic")
def on_topic(text):
    print("event on com.example.topic:", text)


@component.on_leave
def leave(session, details):
    print("left")


@component.on_disconnect
def disconnect(session, was_clean=False):
    print("disconnected")


if __name__ == "__main__":
    run([component], log_level=None)
