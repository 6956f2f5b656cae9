"""WebSocket servers as resources of a web site (Twisted).

Prints:

    /twice says: hello, hello
    /loud says: HELLO
"""

from autobahn.twisted.resource import WebSocketResource
from autobahn.twisted.websocket import (
    WebSocketClientFactory,
    WebSocketClientProtocol,
    WebSocketServerFactory,
    WebSocketServerProtocol,
)
from twisted.internet import reactor
from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.web.resource import Resource
from twisted.web.server import Site


class Twice(WebSocketServerProtocol):
    def onMessage(self, payload, isBinary):
        self.sendMessage(payload + b", " + payload, isBinary)


class Loud(WebSocketServerProtocol):
    def onMessage(self, payload, isBinary):
        self.sendMessage(payload.upper(), isBinary)


class Client(WebSocketClientProtocol):
    def onOpen(self):
        self.sendMessage(b"hello")

    def onMessage(self, payload, isBinary):
        self.sendClose()
        self.factory.answered.callback(payload.decode())


def resource_of(protocol):
    factory = WebSocketServerFactory()
    factory.protocol = protocol
    factory.startFactory()
    return WebSocketResource(factory)


@inlineCallbacks
def main():
    root = Resource()
    root.putChild(b"twice", resource_of(Twice))
    root.putChild(b"loud", resource_of(Loud))
    port = reactor.listenTCP(0, Site(root), interface="127.0.0.1").getHost().port
    for path in ("/twice", "/loud"):
        client = WebSocketClientFactory(f"ws://127.0.0.1:{port}{path}")
        client.protocol = Client
        client.answered = Deferred()
        reactor.connectTCP("127.0.0.1", port, client)
        print(path, "says:", (yield client.answered))
    reactor.callLater(0.05, reactor.stop)


if __name__ == "__main__":
    reactor.callWhenRunning(main)
    reactor.run()
