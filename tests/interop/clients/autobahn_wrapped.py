"""A server of Autobahn on Twisted whose streams, wrapped in WebSocket, send back all octets as capitals. Runs until its input ends."""

import sys

from autobahn.twisted.websocket import WrappingWebSocketServerFactory
from twisted.internet import reactor
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.stdio import StandardIO


class Capitals(Protocol):
    def dataReceived(self, data):  # noqa: N802
        self.transport.write(data.upper())


class UntilEnd(Protocol):
    def connectionLost(self, reason):  # noqa: N802
        if reactor.running:
            reactor.stop()


factory = WrappingWebSocketServerFactory(Factory.forProtocol(Capitals), "ws://127.0.0.1:9000", reactor)
port = reactor.listenTCP(0, factory, interface="127.0.0.1")
sys.stdout.write(f"{port.getHost().port}\n")
sys.stdout.flush()
StandardIO(UntilEnd())
reactor.run()
