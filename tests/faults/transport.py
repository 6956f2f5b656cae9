"""A connection in memory that is cut after so many octets, for every offset in turn: a thousand of them take a second."""

from __future__ import annotations

from typing import Any

import trio

from trowamp._stream import ByteTransport

from .proxy import Cut


class CutTransport:
    """One end of a connection, cut once a number of octets has passed in one direction.

    Args:
        inner: The end.
        cut: How: closed, reset, or silent for ever.
        up, down: After how many octets sent, or received; None: never.

    Attributes:
        sent, received: How many octets have passed.
    """

    def __init__(self, inner: ByteTransport, cut: Cut, *, up: int | None = None, down: int | None = None) -> None:
        self.description = inner.description
        self.details: dict[str, Any] = inner.details
        self.wakes_tasks = inner.wakes_tasks
        self.sent = 0
        self.received = 0
        self._inner = inner
        self._cut = cut
        self._up = up
        self._down = down
        self._is_cut = False
        self._is_aborted = False
        self._has_changed = trio.Event()

    async def receive_some(self) -> bytes:
        """Wait for octets."""
        if not self._is_cut:
            data = await self._inner.receive_some()
            if not self._is_cut or self._cut == "fin":
                return self._pass_down(data)
        if self._cut == "stall":
            while not self._is_aborted:
                await self._has_changed.wait()
            raise trio.ClosedResourceError("this side closed the connection")
        await trio.lowlevel.checkpoint()
        if self._is_aborted:
            raise trio.ClosedResourceError("this side closed the connection")
        if self._cut == "rst":
            raise trio.BrokenResourceError("Connection reset by peer")
        return b""

    def send_now(self, data: bytes | bytearray | memoryview) -> int:
        """Send what may pass."""
        if self._is_cut:
            return self._send_into_the_void(len(data))
        if self._up is None or self.sent + len(data) < self._up:
            taken = self._inner.send_now(data)
            self.sent += taken
            return taken
        self._inner.send_now(bytes(data)[: self._up - self.sent])
        self.sent = self._up
        self.cut()
        return len(data)

    async def send_all(self, data: bytes) -> None:
        """Send everything that may pass."""
        await trio.lowlevel.checkpoint()
        assert self.send_now(data) == len(data), "a session for every offset is small"

    def end_sending(self) -> None:
        """End this direction."""
        if not self._is_cut:
            self._inner.end_sending()

    async def aclose(self) -> None:
        """Close."""
        self.abort()
        await trio.lowlevel.checkpoint()

    def abort(self) -> None:
        """Close at once; a connection that is silent does not even pass that on."""
        self._is_aborted = True
        self._has_changed.set()
        if not self._is_cut or self._cut != "stall":
            self._inner.abort()

    def cut(self) -> None:
        """Cut it now."""
        self._is_cut = True
        if self._cut != "stall":
            self._inner.abort()

    def _pass_down(self, data: bytes) -> bytes:
        if self._down is not None and self.received + len(data) >= self._down:
            data = data[: self._down - self.received]
            self.cut()
        self.received += len(data)
        return data

    def _send_into_the_void(self, size: int) -> int:
        if self._is_aborted:
            raise trio.ClosedResourceError("this side closed the connection")
        if self._cut == "stall":
            return size
        raise trio.BrokenResourceError("Connection reset by peer" if self._cut == "rst" else "Broken pipe")
