"""What is counted and timed of a connection."""

from __future__ import annotations

import json
import time
from typing import Any, ClassVar

__all__ = ["Timings", "TrafficStats"]


class TrafficStats:
    """What went over a connection.

    Attributes:
        outgoingOctetsWireLevel: Octets sent after the opening handshake.
        outgoingOctetsWebSocketLevel: Octets of frames sent.
        outgoingOctetsAppLevel: Octets of messages sent, before they were compressed.
        outgoingWebSocketFrames: Frames sent.
        outgoingWebSocketMessages: Messages sent.
        incomingOctetsWireLevel: The same for what was received.
        incomingOctetsWebSocketLevel: See there.
        incomingOctetsAppLevel: See there; inflated.
        incomingWebSocketFrames: See there.
        incomingWebSocketMessages: See there.
        preopenOutgoingOctetsWireLevel: Octets of the opening handshake sent.
        preopenIncomingOctetsWireLevel: Octets of it received.
    """

    NAMES: ClassVar = (
        "outgoingOctetsWireLevel",
        "outgoingOctetsWebSocketLevel",
        "outgoingOctetsAppLevel",
        "outgoingWebSocketFrames",
        "outgoingWebSocketMessages",
        "incomingOctetsWireLevel",
        "incomingOctetsWebSocketLevel",
        "incomingOctetsAppLevel",
        "incomingWebSocketFrames",
        "incomingWebSocketMessages",
        "preopenOutgoingOctetsWireLevel",
        "preopenIncomingOctetsWireLevel",
    )
    __slots__ = NAMES

    outgoingOctetsWireLevel: int
    outgoingOctetsWebSocketLevel: int
    outgoingOctetsAppLevel: int
    outgoingWebSocketFrames: int
    outgoingWebSocketMessages: int
    incomingOctetsWireLevel: int
    incomingOctetsWebSocketLevel: int
    incomingOctetsAppLevel: int
    incomingWebSocketFrames: int
    incomingWebSocketMessages: int
    preopenOutgoingOctetsWireLevel: int
    preopenIncomingOctetsWireLevel: int

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Count from zero."""
        for name in self.NAMES:
            setattr(self, name, 0)

    def __json__(self) -> dict[str, int]:
        return {name: getattr(self, name) for name in self.NAMES}

    def __str__(self) -> str:
        return json.dumps(self.__json__())


class Timings:
    """When things happened, in seconds since the first."""

    def __init__(self) -> None:
        self._start = time.perf_counter()
        self._found: dict[str, float] = {}

    def track(self, key: str) -> None:
        """Note that something happens now."""
        self._found[key] = time.perf_counter() - self._start

    def diff(self, startKey: str, endKey: str, formatted: bool = True) -> Any:
        """Return the seconds between two happenings: as text if `formatted`, "n.a." or None if one of them has not been."""
        if startKey not in self._found or endKey not in self._found:
            return "n.a." if formatted else None
        seconds = self._found[endKey] - self._found[startKey]
        return f"{seconds:.6f} s" if formatted else seconds

    def __getitem__(self, key: str) -> float | None:
        return self._found.get(key)

    def __iter__(self) -> Any:
        return iter(self._found)

    def __str__(self) -> str:
        return json.dumps(self._found)
