"""A WebSocket server that echoes, and a client, without WAMP, compressed (Twisted).

Prints:

    server: asked for /echo
    client: permessage-deflate in use
    client: text 'Hello, world!'
    client: 5 octets
    client: pong b'are you there'
    server: closed cleanly 1000 done
    client: closed cleanly 1000
"""

from autobahn.twisted.websocket import (
    WebSocketClientFactory,
    WebSocketClientProtocol,
    WebSocketServerFactory,
    WebSocketServerProtocol,
)
from autobahn.websocket.compress import (
    PerMessageDeflateOffer,
    PerMessageDeflateOfferAccept,
    PerMessageDeflateResponse,
    PerMessageDeflateResponseAccept,
)
from twisted.internet import reactor


class EchoServer(WebSocketServerProtocol):
    def onConnect(self, request):
        print("server: asked for", request.path)

    def onMessage(self, payload, isBinary):
        self.sendMessage(payload, isBinary)

    def onClose(self, wasClean, code, reason):
        print("server: closed", "cleanly" if wasClean else "uncleanly", code, reason)


class EchoClient(WebSocketClientProtocol):
    def onOpen(self):
        in_use = [each.EXTENSION_NAME for each in self.websocket_extensions_in_use]
        print("client:", *in_use, "in use")
        self.sendMessage(b"Hello, world!")

    def onMessage(self, payload, isBinary):
        if isBinary:
            print(f"client: {len(payload)} octets")
            self.sendPing(b"are you there")
        else:
            print(f"client: text {payload.decode()!r}")
            self.sendMessage(bytes(5), isBinary=True)

    def onPong(self, payload):
        print("client: pong", payload)
        self.sendClose(1000, "done")

    def onClose(self, wasClean, code, reason):
        print("client: closed", "cleanly" if wasClean else "uncleanly", code)
        reactor.callLater(0.05, reactor.stop)


def accept_offer(offers):
    for offer in offers:
        if isinstance(offer, PerMessageDeflateOffer):
            return PerMessageDeflateOfferAccept(offer)
    return None


def accept_response(response):
    if isinstance(response, PerMessageDeflateResponse):
        return PerMessageDeflateResponseAccept(response)
    return None


if __name__ == "__main__":
    served = WebSocketServerFactory("ws://127.0.0.1")
    served.protocol = EchoServer
    served.setProtocolOptions(perMessageCompressionAccept=accept_offer, autoFragmentSize=4)
    port = reactor.listenTCP(0, served, interface="127.0.0.1").getHost().port
    factory = WebSocketClientFactory(f"ws://127.0.0.1:{port}/echo")
    factory.protocol = EchoClient
    factory.setProtocolOptions(
        perMessageCompressionOffers=[PerMessageDeflateOffer()], perMessageCompressionAccept=accept_response
    )
    reactor.connectTCP("127.0.0.1", port, factory)
    reactor.run()
