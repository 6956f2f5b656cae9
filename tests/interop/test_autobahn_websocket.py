"""The WebSocket classes of `trowamp_compat` and those of Autobahn: they tell their programs the same, and understand each other."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from trowamp_compat.asyncio.websocket import WebSocketClientProtocol, create_client_agent
from trowamp_compat.websocket import compress

from .both_packages import CLIENTS, printed

FRAMES = "autobahn_frames.py"
MESSAGES = [b"a message " * 50, b"a message " * 50, b"", b"x", bytes(range(256)) * 300]


@contextmanager
def running(python: str, program: str) -> Iterator[list[str]]:
    """Run a server; give what it prints first."""
    command = [python, str(CLIENTS / program)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().split()
        process.communicate(timeout=30)


@pytest.fixture(scope="module")
def echo(autobahn_python: str) -> Iterator[list[str]]:
    """Run Autobahn's server; give its port and its methods of compression."""
    with running(autobahn_python, "autobahn_echo.py") as printed_first:
        yield printed_first


def test_frames_are_told_of_as_autobahn_tells_of_them(autobahn_python: str) -> None:
    ours = printed(sys.executable, FRAMES, "trowamp_compat")
    assert len(ours) == 24
    assert ours == printed(autobahn_python, FRAMES, "autobahn")


class Collecting(WebSocketClientProtocol):
    """Notes what comes back."""

    def __init__(self) -> None:
        self.received: asyncio.Queue[bytes] = asyncio.Queue()

    def onMessage(self, payload: bytes, isBinary: bool) -> None:  # noqa: N802, N803
        self.received.put_nowait(payload)


async def sent_and_received(port: str, offer: Any) -> tuple[list[bytes], list[Any]]:
    options = {"perMessageCompressionOffers": [offer]}
    protocol = await create_client_agent().open(f"ws://127.0.0.1:{port}", options, Collecting)
    try:
        for message in MESSAGES:
            protocol.sendMessage(message, True)
            protocol.sendMessage(message, True, fragmentSize=100)
        async with asyncio.timeout(20):
            return [
                await protocol.received.get() for _ in range(2 * len(MESSAGES))
            ], protocol.websocket_extensions_in_use
    finally:
        protocol.sendClose()
        await protocol.is_closed


@pytest.mark.parametrize("method", ["Deflate", "Bzip2", "Snappy", "Brotli"])
def test_compressed_messages_go_to_autobahn_and_back(echo: list[str], method: str) -> None:
    port, *methods = echo
    name = f"permessage-{method.lower()}"
    if name not in methods or name not in compress.PERMESSAGE_COMPRESSION_EXTENSION:
        pytest.skip(f"{name} needs a package that one of the two does not have")
    offer = compress.PERMESSAGE_COMPRESSION_EXTENSION[name]["Offer"]()
    received, (agreed,) = asyncio.run(sent_and_received(port, offer))
    assert received == [message for message in MESSAGES for _ in range(2)]
    assert name == agreed.EXTENSION_NAME


async def over_streams(port: str) -> dict[str, bytes]:
    answers = {}
    for subprotocol, octets, is_binary in (("binary", b"abc", True), ("base64", b"YWJj", False)):
        agent = create_client_agent()
        protocol = await agent.open(f"ws://127.0.0.1:{port}", {"protocols": [subprotocol]}, Collecting)
        protocol.sendMessage(octets, is_binary)
        async with asyncio.timeout(20):
            answers[protocol.websocket_protocol_in_use] = await protocol.received.get()
        protocol.sendClose()
        await protocol.is_closed
    return answers


def test_streams_of_autobahn_in_websocket_are_those_that_ours_are(autobahn_python: str) -> None:
    with running(autobahn_python, "autobahn_wrapped.py") as (port,):
        assert asyncio.run(over_streams(port)) == {"binary": b"ABC", "base64": b"QUJD"}
