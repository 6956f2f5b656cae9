"""A WebSocket server that echoes, and a client, without WAMP (asyncio).

Prints:

    server: connection from a client that offers echo
    client: connected, echo
    server: text 'Hello, world!'
    client: text 'Hello, world!'
    server: 5 octets
    client: 5 octets
    server: closed 1000
    client: closed 1000
"""

import asyncio

from autobahn.asyncio.websocket import (
    WebSocketClientFactory,
    WebSocketClientProtocol,
    WebSocketServerFactory,
    WebSocketServerProtocol,
)


class EchoServer(WebSocketServerProtocol):
    def onConnect(self, request):
        print("server: connection from a client that offers", *request.protocols)
        return "echo"

    def onMessage(self, payload, isBinary):
        print("server:", f"{len(payload)} octets" if isBinary else f"text {payload.decode()!r}")
        self.sendMessage(payload, isBinary)

    def onClose(self, wasClean, code, reason):
        print("server: closed", code)


class EchoClient(WebSocketClientProtocol):
    def onConnect(self, response):
        print("client: connected,", response.protocol)

    def onOpen(self):
        self.sendMessage(b"Hello, world!")

    def onMessage(self, payload, isBinary):
        if isBinary:
            print(f"client: {len(payload)} octets")
            self.sendClose(1000, "done")
        else:
            print(f"client: text {payload.decode()!r}")
            self.sendMessage(bytes(5), isBinary=True)

    def onClose(self, wasClean, code, reason):
        print("client: closed", code)
        self.factory.closed.set_result(None)


async def main():
    loop = asyncio.get_running_loop()
    served = WebSocketServerFactory("ws://127.0.0.1", protocols=["echo"])
    served.protocol = EchoServer
    server = await loop.create_server(served, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    factory = WebSocketClientFactory(f"ws://127.0.0.1:{port}", protocols=["echo"])
    factory.protocol = EchoClient
    factory.closed = loop.create_future()
    await loop.create_connection(factory, "127.0.0.1", port)
    await factory.closed
    server.close()


if __name__ == "__main__":
    asyncio.run(main())
