"""Compression of WebSocket messages (permessage-deflate, RFC 7692), bounded while it inflates."""

from __future__ import annotations

import sys
import zlib
from typing import Final, Protocol

from .._exceptions import MessageTooLarge
from ._frames import FrameViolation

_EMPTY_BLOCK: Final = b"\x00\x00\xff\xff"  # ends every message, left out on the wire (RFC 7692 §7.2.1)

_MOST_AT_ONCE: Final = sys.maxsize - 1  # octets that zlib can be asked for


class Negotiated(Protocol):
    """What an opening handshake can agree on; the names are those of `websockets`, whose object of that kind is one."""

    @property
    def local_max_window_bits(self) -> int: ...  # of what this side sends
    @property
    def remote_max_window_bits(self) -> int: ...  # of what it receives
    @property
    def local_no_context_takeover(self) -> bool: ...  # each message is compressed by itself
    @property
    def remote_no_context_takeover(self) -> bool: ...


class Compressor(Protocol):
    """What compresses the messages of one connection, both ways."""

    def deflate(self, body: bytes) -> bytes:
        """Compress a whole message, or what is left of it after `deflate_part`."""
        ...

    def deflate_part(self, part: bytes) -> bytes:
        """Compress a part of a message; the whole of it ends with `deflate`."""
        ...

    def inflate(self, payload: bytes, *, is_last: bool, used: int, max_size: int) -> bytes:
        """Inflate a fragment of a message, or all of it.

        Args:
            payload: The fragment as received.
            is_last: Whether the message ends here.
            used: Octets of the message inflated so far.
            max_size: Octets the message may have inflated.

        Raises:
            MessageTooLarge: It has more; inflating stopped there.
            FrameViolation: It is not compressed as agreed.
        """
        ...


class Deflate:
    """Both directions of one connection.

    Args:
        negotiated: What the opening handshake agreed on. It is not kept, as it may have compressors of its own.
        memory_level: zlib's memLevel for what is sent, 1 to 9.
    """

    __slots__ = (
        "_deflater",
        "_forgets_received",
        "_forgets_sent",
        "_inflater",
        "_memory_level",
        "_received_bits",
        "_sent_bits",
    )

    def __init__(self, negotiated: Negotiated, *, memory_level: int = 5) -> None:
        self._memory_level = memory_level
        self._sent_bits = negotiated.local_max_window_bits
        self._received_bits = negotiated.remote_max_window_bits
        self._forgets_sent = negotiated.local_no_context_takeover
        self._forgets_received = negotiated.remote_no_context_takeover
        self._deflater = self._new_deflater()
        self._inflater = self._new_inflater()

    def deflate(self, body: bytes) -> bytes:
        """Compress a whole message."""
        octets = self._deflater.compress(body) + self._deflater.flush(zlib.Z_SYNC_FLUSH)
        if self._forgets_sent:
            self._deflater = self._new_deflater()
        return octets[: -len(_EMPTY_BLOCK)]

    def deflate_part(self, part: bytes) -> bytes:
        """Compress a part of a message; the whole of it ends with `deflate`."""
        return self._deflater.compress(part)

    def inflate(self, payload: bytes, *, is_last: bool, used: int, max_size: int) -> bytes:
        """Inflate a fragment of a message, or all of it.

        Args:
            payload: The fragment as received.
            is_last: Whether the message ends here.
            used: Octets of the message inflated so far.
            max_size: Octets the message may have inflated.

        Raises:
            MessageTooLarge: It has more; inflating stopped there.
            FrameViolation: It is not compressed as agreed.
        """
        octets = payload + _EMPTY_BLOCK if is_last else payload
        room = (
            min(max(max_size - used, 0), _MOST_AT_ONCE) + 1
        )  # one more shows that it is too large; 0 would mean "no limit"
        try:
            inflated = self._inflater.decompress(octets, room)
            if self._inflater.eof:  # a final block is legal in the midst of a connection (RFC 7692 §7.2.3.4)
                octets = self._inflater.unused_data
                self._inflater = self._new_inflater()
                if len(inflated) < room:
                    inflated += self._inflater.decompress(octets, room - len(inflated))
        except zlib.error:
            raise FrameViolation("message that cannot be decompressed") from None
        if len(inflated) >= room:
            raise MessageTooLarge(used + len(inflated), max_size)
        if self._inflater.eof:  # one per fragment is plenty, and more would cost a copy of the rest each
            raise FrameViolation("message of many final blocks")
        if is_last and self._forgets_received:
            self._inflater = self._new_inflater()
        return inflated

    def _new_deflater(self) -> zlib._Compress:
        return zlib.compressobj(wbits=-self._sent_bits, memLevel=self._memory_level)

    def _new_inflater(self) -> zlib._Decompress:
        return zlib.decompressobj(wbits=-self._received_bits)
