"""A server and a client on asyncio that tell of the frames between them, of Autobahn with PACKAGE=autobahn or else of trowamp_compat.

Masks are random, so only whether there is one is printed.
"""

# ruff: noqa: N802, N803  # the names are the API

import asyncio
import os
import sys
from importlib import import_module

PACKAGE = os.environ["PACKAGE"]
websocket = import_module(f"{PACKAGE}.asyncio.websocket")

lines = []
ends = asyncio.Queue()


def noting(base, side):
    class Noting(base):
        def note(self, *words):
            lines.append(" ".join([side, *map(str, words)]))

        def onOpen(self):
            if side == "client":
                self.sendMessage(b"a message")
                self.sendMessage(b"in fragments", True, fragmentSize=5)
                self.sendPing(b"ping")
                self.sendMessage(bytes(300), True)
                self.sendClose(3000, "enough")

        def logRxFrame(self, frameHeader, payload):
            self.note("received", *described(frameHeader), type(payload).__name__, hexadecimal(payload))

        def logTxFrame(self, frameHeader, payload, repeatLength, chopsize, sync):
            self.note("sent", *described(frameHeader), hexadecimal(payload), repeatLength, chopsize, sync)

        def onCloseFrame(self, code, reasonRaw):
            self.note("close frame", code, reasonRaw, self.state == self.STATE_OPEN)
            super().onCloseFrame(code, reasonRaw)
            self.note("answered", self.state == self.STATE_CLOSING, self.remoteCloseCode, self.remoteCloseReason)

        def onClose(self, wasClean, code, reason):
            self.note("closed", wasClean, code, reason)
            ends.put_nowait(side)

    return Noting


def described(header):
    return header.opcode, header.fin, header.rsv, header.length, header.mask is not None


def hexadecimal(payload):
    whole = b"".join(payload) if isinstance(payload, list) else payload
    return whole.hex()[:60]


async def main():
    loop = asyncio.get_running_loop()
    server_factory = websocket.WebSocketServerFactory()
    server_factory.protocol = noting(websocket.WebSocketServerProtocol, "server")
    server_factory.logFrames = True
    listening = await loop.create_server(server_factory, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    client_factory = websocket.WebSocketClientFactory(f"ws://127.0.0.1:{port}")
    client_factory.protocol = noting(websocket.WebSocketClientProtocol, "client")
    client_factory.logFrames = True
    await loop.create_connection(client_factory, "127.0.0.1", port)
    for _ in range(2):
        await asyncio.wait_for(ends.get(), 10)
    listening.close()
    for side in ("client", "server"):  # what one side sends, and what it receives, are told in no order
        for what in ("sent", "received", "close", "answered", "closed"):
            for line in lines:
                if line.split(" ")[:2] == [side, what]:
                    sys.stdout.write(line + "\n")


asyncio.run(main())
