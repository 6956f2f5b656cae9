"""Subscriptions and registrations by pattern (Twisted).

Prints:

    prefix: com.myapp.us.montana.billings.on_concert ('Ali',)
    wildcard: com.myapp.us.montana.billings.on_concert ('Ali',)
    prefix: com.myapp.us.montana.billings.on_challenge ()
    deleted t130
    com.myapp.task.all.delete has its own: everything
"""

import sys

from autobahn.twisted.component import Component, run
from autobahn.twisted.util import sleep
from autobahn.wamp.types import PublishOptions, RegisterOptions, SubscribeOptions
from twisted.internet.defer import inlineCallbacks

URL = sys.argv[1] if len(sys.argv) > 1 else "ws://127.0.0.1:8080/ws"

component = Component(transports=URL, realm="realm1")


@component.on_join
@inlineCallbacks
def joined(session, details):
    def on_any(*args, details=None):
        print("prefix:", details.topic, args)

    def on_concert(*args, details=None):
        print("wildcard:", details.topic, args)

    def delete_task(details=None):
        return "deleted " + details.procedure.split(".")[3]

    yield session.subscribe(on_any, "com.myapp.us.", options=SubscribeOptions(match="prefix", details_arg="details"))
    yield session.subscribe(
        on_concert, "com.myapp.us...on_concert", options=SubscribeOptions(match="wildcard", details_arg="details")
    )
    yield session.register(
        delete_task, "com.myapp.task..delete", options=RegisterOptions(match="wildcard", details_arg="details")
    )
    yield session.register(lambda: "everything", "com.myapp.task.all.delete")
    options = PublishOptions(acknowledge=True, exclude_me=False)
    yield session.publish("com.myapp.us.montana.billings.on_concert", "Ali", options=options)
    yield session.publish("com.myapp.us.montana.billings.on_challenge", options=options)
    yield session.publish("com.myapp.de.bavaria.munich.on_concert", options=options)
    yield sleep(0.1)
    print((yield session.call("com.myapp.task.t130.delete")))
    print("com.myapp.task.all.delete has its own:", (yield session.call("com.myapp.task.all.delete")))
    yield session.leave()


if __name__ == "__main__":
    run([component], log_level=None)
