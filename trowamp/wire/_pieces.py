"""Octets on their way out. Large ones are not copied: not behind the head of their frame, not into a buffer, not for each of many receivers."""

from __future__ import annotations

from itertools import islice
from typing import Final

LARGE: Final = 16384  # octets that are dearer to copy than to keep apart

_CHUNK: Final = 65536  # octets that are copied of something large when it comes to the front
_MOST_PIECES: Final = 64  # that are worth handing out at once; the kernel takes no more than 1024


class LargeOctets:
    """Octets in two pieces.

    Attributes:
        head: What stands before the body; not empty.
        body: Most of it, not to be changed.
    """

    __slots__ = ("body", "head")

    def __init__(self, head: bytes, body: bytes | memoryview) -> None:
        self.head = head
        self.body = body

    def __len__(self) -> int:
        return len(self.head) + len(self.body)

    def __bytes__(self) -> bytes:
        return b"".join((self.head, self.body))


Octets = bytes | LargeOctets


def put_before(head: bytes, octets: Octets | memoryview) -> Octets:
    """Return octets with a short head before them."""
    if isinstance(octets, LargeOctets):
        return LargeOctets(head + octets.head, octets.body)
    return head + octets if len(octets) < LARGE else LargeOctets(head, octets)


class Outgoing(bytearray):
    """What a connection is to send. As a bytearray it is what goes first, and never empty as long as anything is left.

    Attributes:
        behind: What follows after something large: large pieces as they are, small ones between them put together.
    """

    __slots__ = ("behind",)

    behind: list[bytes | bytearray | memoryview]

    def __init__(self) -> None:
        super().__init__()
        self.behind = []

    def queue(self, octets: Octets) -> None:
        """Append octets."""
        if isinstance(octets, LargeOctets):
            self._queue_small(octets.head)
            self.behind.append(octets.body)
        else:
            self._queue_small(octets)

    def _queue_small(self, octets: bytes) -> None:
        behind = self.behind
        if not behind:
            self += octets
        elif type(behind[-1]) is bytearray:
            behind[-1] += octets
        else:
            behind.append(bytearray(octets))

    def pieces(self) -> list[bytes | bytearray | memoryview]:
        """Return what goes next, in order; all of it unless that is in very many pieces."""
        return [self, *islice(self.behind, _MOST_PIECES - 1)]

    def gather(self) -> None:
        """Put all pieces together."""
        behind, self.behind = self.behind, []
        for piece in behind:
            self += piece

    def drop(self, count: int) -> None:
        """Drop octets from the front; there are at least that many."""
        behind = self.behind
        if count < len(self):
            del self[:count]
            return
        count -= len(self)
        self.clear()
        while count:
            piece = behind.pop(0)
            if count < len(piece):
                behind.insert(0, memoryview(piece)[count:])
                break
            count -= len(piece)
        self.fill()

    def fill(self) -> None:
        """Have as much in front as is sent at once, if there is as much."""
        behind = self.behind
        while behind and (missing := _CHUNK - len(self)) > 0:
            piece = memoryview(behind.pop(0))
            self += piece[:missing]
            if missing < len(piece):
                behind.insert(0, piece[missing:])
