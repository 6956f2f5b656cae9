"""A router that routes nothing: it answers from memory, so that a client's own costs show.

RawSocket and WebSocket on one free port, which it prints. HELLO, REGISTER, SUBSCRIBE, acknowledged PUBLISH and GOODBYE get their replies. Calls:

* `bench.events(n)` brings `n` events for the subscription of the session, then the result.
* `bench.serve(n)` invokes the session's procedure `n` times, 50 at a time, then brings the result.
* Every other call brings its arguments back.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterable
from typing import Any, cast

from websockets.frames import Frame, Opcode
from websockets.server import ServerProtocol

from .codecs import BY_RAWSOCKET_ID, BY_SUBPROTOCOL, Codec
from .loop import run
from .scenarios import IN_FLIGHT

Message = list[Any]
_ROLES = {
    "broker": {"features": {"publisher_identification": True, "pattern_based_subscription": True}},
    "dealer": {"features": {"call_canceling": True, "progressive_call_results": True}},
}
_IDENTITY = {"authid": "bench", "authrole": "anonymous", "authmethod": "anonymous", "authprovider": "static"}


class Answers:
    """What one session is told: messages in, messages out."""

    def __init__(self) -> None:
        self._registration = self._subscription = 0
        self._invocations = 0  # so far, and the id of the last one
        self._serving: tuple[int, int] = (0, 0)  # the call that wants them, and the id of the last invocation it gets
        self._answer: dict[int, Callable[[Message], Iterable[Message]]] = {
            1: self._hello,
            6: lambda _: [[6, {}, "wamp.close.goodbye_and_out"]],
            16: lambda message: [[17, message[1], 1]] if message[2].get("acknowledge") else [],
            32: self._subscribe,
            48: self._call,
            64: self._register,
            70: self._yield,
        }

    def to(self, message: Message) -> Iterable[Message]:
        """Return the answers to a message."""
        return self._answer[message[0]](message)

    def _hello(self, message: Message) -> list[Message]:
        return [[2, 4711, {"roles": _ROLES, "realm": message[1], **_IDENTITY}]]

    def _subscribe(self, message: Message) -> list[Message]:
        self._subscription = message[1] + 1000
        return [[33, message[1], self._subscription]]

    def _register(self, message: Message) -> list[Message]:
        self._registration = message[1] + 1000
        return [[65, message[1], self._registration]]

    def _call(self, message: Message) -> Iterable[Message]:
        request, procedure = message[1], message[3]
        if procedure == "bench.events":
            events: list[Message] = [
                [36, self._subscription, number + 1, {}, [number]] for number in range(message[4][0])
            ]
            return [*events, [50, request, {}]]
        if procedure == "bench.serve":
            self._serving = (request, self._invocations + message[4][0])
            return [self._invocation() for _ in range(min(IN_FLIGHT, message[4][0]))]
        return [[50, request, {}, *message[4:]]]

    def _invocation(self) -> Message:
        self._invocations += 1
        return [68, self._invocations, self._registration, {}, [self._invocations]]

    def _yield(self, message: Message) -> list[Message]:
        """Answer one result with one more invocation; the result of the last one ends the call."""
        request, last = self._serving
        if self._invocations < last:
            return [self._invocation()]
        return [[50, request, {}]] if message[1] == last else []


class RawSocket:
    """A RawSocket connection's octets."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._codec: Codec | None = None
        self._answers = Answers()

    def receive(self, data: bytes) -> bytes:
        """Return what to send back."""
        buffer = self._buffer
        buffer += data
        out = []
        if self._codec is None:
            if len(buffer) < 4:
                return b""
            self._codec = BY_RAWSOCKET_ID[buffer[1] & 15]
            out.append(bytes([0x7F, 0xF0 | buffer[1] & 15, 0, 0]))
            del buffer[:4]
        start = 0
        while len(buffer) - start >= 4:
            end = start + 4 + int.from_bytes(buffer[start + 1 : start + 4], "big")
            if len(buffer) < end:
                break
            for answer in self._answers.to(self._codec.decode(bytes(buffer[start + 4 : end]))):
                body = self._codec.encode(answer)
                out.append(len(body).to_bytes(4, "big") + body)
            start = end
        del buffer[:start]
        return b"".join(out)


class WebSocket:
    """A WebSocket connection's octets."""

    def __init__(self) -> None:
        self._protocol = ServerProtocol(subprotocols=list(BY_SUBPROTOCOL), max_size=2**24)
        self._codec: Codec | None = None
        self._answers = Answers()

    def receive(self, data: bytes) -> bytes:
        """Return what to send back."""
        protocol = self._protocol
        protocol.receive_data(data)
        for event in protocol.events_received():
            if not isinstance(event, Frame):
                protocol.send_response(protocol.accept(event))  # type: ignore[arg-type]  # a request, and no response
                self._codec = BY_SUBPROTOCOL[protocol.subprotocol]
            elif event.opcode in (Opcode.TEXT, Opcode.BINARY):
                self._receive_message(bytes(event.data))
        return b"".join(protocol.data_to_send())

    def _receive_message(self, body: bytes) -> None:
        assert self._codec is not None
        send = self._protocol.send_binary if self._codec.is_binary else self._protocol.send_text
        for answer in self._answers.to(self._codec.decode(body)):
            send(self._codec.encode(answer))


class Connection(asyncio.Protocol):
    """One connection; its first octet says which of the two it is."""

    def __init__(self) -> None:
        self._octets: RawSocket | WebSocket | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where to write."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop has a class of its own

    def data_received(self, data: bytes) -> None:
        """Answer."""
        if self._octets is None:
            self._octets = RawSocket() if data[0] == 0x7F else WebSocket()
        answer = self._octets.receive(data)
        if answer:
            self._transport.write(answer)


async def main() -> None:
    """Listen until killed."""
    server = await asyncio.get_running_loop().create_server(Connection, "127.0.0.1", 0, backlog=1000)
    sys.stdout.write(f"listening on {server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    run(main())
