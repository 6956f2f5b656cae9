"""What the older guide says of Twisted: either order, objects as lists of Deferreds, generators, cancelled calls (Twisted).

Prints:

    Ok, 2 object endpoints registered!
    7
    Ok, endpoint unregistered!
    Call error: wamp.error.no_such_procedure
    0 items processed so far ..
    1 items processed so far ..
    2 items in total.
    Canceled.
    deleted t130, told others of it: True
    New product created: PyJacket (103)
"""

import sys

from autobahn import wamp
from autobahn.twisted.component import Component, run
from autobahn.twisted.util import sleep
from autobahn.wamp.error import CanceledError
from autobahn.wamp.exception import ApplicationError
from autobahn.wamp.types import CallOptions, Invocation, PublishOptions
from twisted.internet import defer

URL = sys.argv[1] if len(sys.argv) > 1 else "ws://127.0.0.1:8080/ws"

component = Component(transports=URL, realm="realm1")


class Calculator:
    @wamp.procedure("com.txguide.add")
    def add(self, a, b):
        return a + b

    @wamp.procedure("com.txguide.square")
    def square(self, x):
        return x * x


def longop(n, invocation=Invocation):
    for i in range(n):
        invocation.progress(i)
        yield sleep(0.01)
    return n


@wamp.topic("com.txguide.product.on_create")
def on_product_create(id, label, price):
    print(f"New product created: {label} ({id})")


@component.on_join
@defer.inlineCallbacks
def joined(session, details):
    registrations = yield defer.gatherResults(session.register(Calculator()))
    print(f"Ok, {len(registrations)} object endpoints registered!")
    print((yield session.call("com.txguide.add", 3, 4)))
    for registration in registrations:
        if registration.procedure == "com.txguide.square":
            yield session.unregister(registration)
            print("Ok, endpoint unregistered!")
    try:
        yield session.call("com.txguide.square", 3)
    except ApplicationError as err:
        print("Call error:", err.error)
    yield session.register("com.txguide.longop", longop)
    progress = CallOptions(onProgress=lambda i: print(f"{i} items processed so far .."))
    print((yield session.call("com.txguide.longop", 2, options=progress)), "items in total.")
    yield cancelled(session)

    def delete_task(task, invocation=Invocation):
        session.publish("com.txguide.on_delete", task, PublishOptions(exclude=[1]))
        return f"deleted {task}, told others of it: {invocation.procedure == 'com.txguide.delete'}"

    yield session.register("com.txguide.delete", delete_task)
    print((yield session.call("com.txguide.delete", "t130")))
    yield session.subscribe(on_product_create)
    options = PublishOptions(acknowledge=True, exclude_me=False)
    yield session.publish("com.txguide.product.on_create", 103, "PyJacket", 50.3, options)
    yield sleep(0.1)
    yield session.leave()


def cancelled(session):
    def done(res):
        print("Alrighty.")

    def nope(failure):
        print("Canceled." if isinstance(failure.value, CanceledError) else f"Error: {failure.value}")

    d = session.call("com.txguide.longop", 1000)
    d.addCallbacks(done, nope)
    d.cancel()
    return d


if __name__ == "__main__":
    run([component], log_level=None)
