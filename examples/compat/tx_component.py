"""A component with Deferreds that are waited for inline (Twisted).

Prints:

    session ready
    procedure registered
    call result: 5
    call error: wamp.error.no_such_procedure
    left wamp.close.goodbye_and_out
"""

import sys

from autobahn.twisted.component import Component, run
from autobahn.wamp.exception import ApplicationError
from twisted.internet.defer import inlineCallbacks

URL = sys.argv[1] if len(sys.argv) > 1 else "ws://127.0.0.1:8080/ws"

component = Component(transports=URL, realm="realm1")


@component.on_join
@inlineCallbacks
def joined(session, details):
    print("session ready")

    def add2(x, y):
        return x + y

    try:
        yield session.register(add2, "com.myapp.tx.add2")
        print("procedure registered")
    except Exception as e:
        print(f"could not register procedure: {e}")
    res = yield session.call("com.myapp.tx.add2", 2, 3)
    print(f"call result: {res}")
    try:
        yield session.call("com.myapp.tx.nothing")
    except ApplicationError as e:
        print(f"call error: {e.error}")
    yield session.leave()


@component.on_leave
def left(session, details):
    print("left", details.reason)


if __name__ == "__main__":
    run([component], log_level=None)
