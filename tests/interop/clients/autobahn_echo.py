"""A server of Autobahn on asyncio that sends back every message, compressed by the first method that the client offers. Runs until its input ends."""

import asyncio
import sys

from autobahn.asyncio.websocket import WebSocketServerFactory, WebSocketServerProtocol
from autobahn.websocket.compress import PERMESSAGE_COMPRESSION_EXTENSION


class Echo(WebSocketServerProtocol):
    def onMessage(self, payload, isBinary):  # noqa: N802, N803
        self.sendMessage(payload, isBinary, fragmentSize=1000 if len(payload) > 5000 else None)


def accept(offers):
    return PERMESSAGE_COMPRESSION_EXTENSION[offers[0].EXTENSION_NAME]["OfferAccept"](offers[0]) if offers else None


async def main():
    loop = asyncio.get_running_loop()
    factory = WebSocketServerFactory()
    factory.protocol = Echo
    factory.setProtocolOptions(perMessageCompressionAccept=accept)
    server = await loop.create_server(factory, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    sys.stdout.write(" ".join([str(port), *PERMESSAGE_COMPRESSION_EXTENSION]) + "\n")
    sys.stdout.flush()
    await loop.run_in_executor(None, sys.stdin.read)


asyncio.run(main())
