"""A component beside other things: started without `run`, and talked to from outside (Twisted).

Prints:

    joined
    the web would show: 5
    started components end
"""

import sys

from autobahn.twisted.component import Component
from twisted.internet import task
from twisted.internet.defer import Deferred, inlineCallbacks

URL = sys.argv[1] if len(sys.argv) > 1 else "ws://127.0.0.1:8080/ws"


class WebApplication:
    """Holds the session while there is one."""

    def __init__(self, component):
        self.session = None
        self.ready = Deferred()
        component.on("join", self.joined)
        component.on("leave", self.left)

    def joined(self, session, details):
        print("joined")
        self.session = session
        self.ready.callback(None)

    def left(self, session, details):
        self.session = None

    @inlineCallbacks
    def render(self):
        yield self.session.register(lambda x, y: x + y, "com.myapp.web.add2")
        return (yield self.session.call("com.myapp.web.add2", 2, 3))


@inlineCallbacks
def main(reactor):
    component = Component(transports=URL, realm="realm1")
    app = WebApplication(component)
    done = component.start(reactor)
    yield app.ready
    print("the web would show:", (yield app.render()))
    app.session.leave()
    yield done
    print("started components end")


if __name__ == "__main__":
    task.react(main)
