"""The floor: what no client in Python on Trio, and no router on these codecs, can get below.

`bare socket`: octets of the same number as the messages of a call, sent and received over a Trio socket, with nothing around them.
`codecs alone`: the messages of a call, made and read by the serializers with all their checks, without anything that moves them.

The metrics have the names of those that they are the floor of. Run by `python -m benchmarks`, and by itself: `python -m benchmarks.limits`.
"""

from __future__ import annotations

import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import trio

from trowamp.messages import Call, Invocation, Message, Result, Yield
from trowamp.wire import Serializer, get_serializer

from .processes import echo_server, measure, shared_processor
from .programs.measure import Measure
from .programs.scenarios import ECHO, IN_FLIGHT

_SERIALIZERS = ("json", "msgpack", "cbor")
_HEAD = {"rs": 4, "ws": 6}  # octets before a short message, from a client


def codecs_of_a_client(serializer: Serializer, n: int) -> None:
    """Make CALL, read RESULT."""
    call, result = Call(1, {}, ECHO, [1], None), serializer.encode(Result(1, {}, [1], None))
    with Measure(f"call, {IN_FLIGHT} in flight", n):
        for _ in range(n):
            serializer.encode(call)
            serializer.decode(result)


def codecs_of_a_router(serializer: Serializer, n: int) -> None:
    """Read CALL, make INVOCATION, read YIELD, make RESULT."""
    arguments: list[Any] = ["sixteen letters."]
    received = [serializer.encode(message) for message in _messages_to_router(arguments)]
    sent: list[Message] = [Invocation(1, 1, {}, arguments, None), Result(1, {}, arguments, None)]
    with Measure(f"call, {IN_FLIGHT} in flight", n):
        for _ in range(n):
            for body in received:
                serializer.decode(body)
            for message in sent:
                serializer.encode(message)


def _messages_to_router(arguments: list[Any]) -> list[Message]:
    return [Call(1, {}, ECHO, arguments, None), Yield(1, {}, arguments, None)]


async def echo_over_a_socket(port: int, framing: str, serializer: Serializer, n: int) -> None:
    """Send a message's octets and wait until they are back, alone and in packs."""
    octets = bytes(_HEAD[framing]) + serializer.encode(Call(1, {}, ECHO, [1], None))
    with trio.socket.socket() as sock:
        await sock.connect(("127.0.0.1", port))
        sock.setsockopt(trio.socket.IPPROTO_TCP, trio.socket.TCP_NODELAY, 1)
        await _round_trips(sock, octets, 200)
        with Measure("call, one by one", n):
            await _round_trips(sock, octets, n)
        packs = max(1, n // IN_FLIGHT)
        with Measure(f"call, {IN_FLIGHT} in flight", packs * IN_FLIGHT):
            await _round_trips(sock, octets * IN_FLIGHT, packs)


async def _round_trips(sock: trio.socket.SocketType, octets: bytes, count: int) -> None:
    for _ in range(count):
        await sock.send(octets)
        missing = len(octets)
        while missing:
            missing -= len(await sock.recv(65536))


def main(arguments: list[str]) -> None:
    """Measure one floor, as the program of a run, or print all of them."""
    if not arguments:
        _all(20_000)
        return
    what, name, n = arguments[0], arguments[1], int(arguments[2])
    serializer = get_serializer(name)
    if what == "socket":
        trio.run(partial(echo_over_a_socket, int(arguments[3]), arguments[4], serializer, n))
    else:
        {"client-codecs": codecs_of_a_client, "router-codecs": codecs_of_a_router}[what](serializer, n)


def limits_command(*arguments: object) -> list[str]:
    """Return the command that measures one floor."""
    return [sys.executable, "-m", "benchmarks.limits", *map(str, arguments)]


def _all(n: int) -> None:
    with tempfile.TemporaryDirectory() as folder, echo_server(sys.executable, Path(folder)) as echo:
        for name in _SERIALIZERS:
            for what in ("client-codecs", "router-codecs"):
                _show(f"{name} {what}", measure(limits_command(what, name, n)))
            for framing in _HEAD:
                command = limits_command("socket", name, n, echo.port, framing)
                _show(f"{name} bare socket, {framing}", measure(command, processor=shared_processor()))


def _show(title: str, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        sys.stdout.write(f"{title:24} {row['metric']:20} {row['per_second']:10.0f}/s {row['cpu_us']:7.2f} us\n")


if __name__ == "__main__":
    main(sys.argv[1:])
