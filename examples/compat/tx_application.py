"""An application of functions that are decorated (Twisted).

Prints:

    joined
    5
    slow square: 9
    event: 1
    left
    Main loop terminated.
"""

import sys

from autobahn.twisted.util import sleep
from autobahn.twisted.wamp import Application
from autobahn.wamp.types import PublishOptions
from twisted.internet import reactor
from twisted.internet.defer import inlineCallbacks

URL = sys.argv[1] if len(sys.argv) > 1 else "ws://127.0.0.1:8080/ws"


app = Application("com.example.app")


@app.register()
def add2(x, y):
    return x + y


@app.register("com.example.slowsquare")
def slowsquare(x):
    yield sleep(0.01)
    return x * x


@app.subscribe("com.example.app.on_event")
def on_event(value):
    print("event:", value)
    app.session.leave()


@app.signal("onjoined")
@inlineCallbacks
def joined():
    print("joined")
    print((yield app.session.call("com.example.app.add2", 2, 3)))
    print("slow square:", (yield app.session.call("com.example.slowsquare", 3)))
    app.session.publish("com.example.app.on_event", 1, options=PublishOptions(exclude_me=False))


@app.signal("onleave")
def left(*details):
    print("left")
    reactor.callLater(0.1, reactor.stop)


if __name__ == "__main__":
    app.run(URL, "realm1")
