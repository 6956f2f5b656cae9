"""RawSocket: WAMP messages with a four-octet prefix over any stream (checklist §1.3).

The handshake is four octets each way, `0x7F | length exponent, serializer | 0 | 0`; every frame begins with `reserved and type | length`, the
length 24 bits wide and a 25th bit for exactly 2**24 octets. Everything is big-endian.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable
from struct import Struct
from typing import TYPE_CHECKING, Final

from .._exceptions import ConnectError, MessageTooLarge, RemoteProtocolError
from ._guess import guess
from ._link import DEFAULT_MAX_SIZE, Framing, Link
from ._pieces import LARGE, put_before

if TYPE_CHECKING:
    from ._pieces import Octets
    from .serializers import Serializer

MAGIC: Final = 0x7F

_HANDSHAKE_SIZE: Final = 4
_PREFIX: Final = Struct(">I")
_pack: Final = _PREFIX.pack
_unpack: Final = _PREFIX.unpack_from
_LONGEST: Final = 2**24  # octets; only this length needs the 25th bit
_LONGEST_SENT: Final = 2**24 - 1  # RS-B6: some implementations read a frame of 2**24 octets as a ping
_LARGE_PART: Final = 1024  # octets
_PING: Final = 0x01000000
_PONG: Final = 0x02000000

_SERIALIZER_UNSUPPORTED: Final = 1
_LENGTH_UNACCEPTABLE: Final = 2
_RESERVED_BITS_USED: Final = 3
_TOO_MANY_CONNECTIONS: Final = 4
_REFUSALS: Final = {
    _SERIALIZER_UNSUPPORTED: "it does not support the serializer",
    _LENGTH_UNACCEPTABLE: "it does not accept the maximum message length",
    _RESERVED_BITS_USED: "it saw reserved bits in use",
    _TOO_MANY_CONNECTIONS: "it has too many connections",
}


def rawsocket_client(serializer: Serializer, *, max_size: int = DEFAULT_MAX_SIZE) -> Link:
    """Make the client side of a RawSocket connection.

    Args:
        serializer: The serializer to speak; RawSocket offers exactly one.
        max_size: Octets accepted for one incoming message, rounded up to a power of two from 512 to 2**24.

    Raises:
        ValueError: `serializer` is batched, which RawSocket does not know (RS-B5).
    """
    if not serializer.rawsocket_id:
        raise ValueError(f"RawSocket cannot carry {serializer.subprotocol}")
    return Link(_ClientHandshake(serializer, max_size), max_size=max_size)


def rawsocket_server(
    serializers: Iterable[Serializer],
    *,
    max_size: int = DEFAULT_MAX_SIZE,
    at_capacity: bool = False,
) -> Link:
    """Make the router side of a RawSocket connection.

    Args:
        serializers: What a client may choose from; batched ones are passed over (RS-B5).
        max_size: Octets accepted for one incoming message, rounded up to a power of two from 512 to 2**24.
        at_capacity: Refuse the client, whoever it is, because there are too many connections.
    """
    return Link(RawSocketServerHandshake(serializers, max_size, at_capacity), max_size=max_size)


def _exponent(max_size: int) -> int:
    """Return n of the smallest 2**(9 + n) that holds `max_size`."""
    return min(max(0, (max_size - 1).bit_length() - 9), 15)


class _Handshake(Framing):
    """Collects the four octets of the peer; both sides share this."""

    __slots__ = ("_max_size", "_octets")

    words = "RawSocket handshake"

    def __init__(self, max_size: int) -> None:
        self._max_size = max_size
        self._octets = b""

    def receive(self, link: Link, data: bytes) -> None:
        missing = _HANDSHAKE_SIZE - len(self._octets)
        self._octets += data[:missing]
        if self._octets[0] != MAGIC:
            link.fail(self.not_rawsocket(self._octets))
        elif len(self._octets) == _HANDSHAKE_SIZE:
            self.decide(link, self._octets)
            if link.is_open and len(data) > missing:  # RS-B4
                link.pass_on(data[missing:])

    @abstractmethod
    def not_rawsocket(self, octets: bytes) -> Exception:
        """Return the error for octets that do not begin as RawSocket does."""

    @abstractmethod
    def decide(self, link: Link, octets: bytes) -> None:
        """Take the peer's four octets."""

    def request(self, serializer: Serializer) -> bytes:
        return bytes((MAGIC, _exponent(self._max_size) << 4 | serializer.rawsocket_id, 0, 0))

    def open(self, link: Link, serializer: Serializer, exponent: int) -> None:
        link.announced_size = 2 ** (9 + _exponent(self._max_size))
        if link.max_size == self._max_size:  # unless the owner has set another limit meanwhile
            link.max_size = link.announced_size
        max_send_size = min(2 ** (9 + exponent), _LONGEST_SENT)
        link.opened(
            _Frames(), serializer, max_send_size=max_send_size, wire_format=("rawsocket", serializer, max_send_size)
        )


class _ClientHandshake(_Handshake):
    """Sends first, then waits for the router's answer (RS-C1)."""

    __slots__ = ("_serializer",)

    def __init__(self, serializer: Serializer, max_size: int) -> None:
        super().__init__(max_size)
        self._serializer = serializer

    def start(self, link: Link) -> None:
        link.queue(self.request(self._serializer))

    def receive_eof(self, link: Link) -> None:
        # Instead of an error reply many routers just hang up (RS-B6, §6-T5).
        link.fail(
            ConnectError(
                "the router closed the connection during the RawSocket handshake: unsupported serializer, or refused"
            )
        )

    def not_rawsocket(self, octets: bytes) -> Exception:
        return ConnectError(f"the router does not speak RawSocket: its answer begins with {guess(octets[0])}")

    def decide(self, link: Link, octets: bytes) -> None:
        exponent, serializer_id = divmod(octets[1], 16)
        if serializer_id == 0:
            refusal = _REFUSALS.get(exponent, f"error code {exponent}")
            link.fail(ConnectError(f"the router refuses RawSocket with {self._serializer.name}: {refusal}"))
        elif octets[2:] != b"\0\0":
            link.fail(ConnectError("the router answered the RawSocket handshake with reserved octets in use"))
        elif serializer_id != self._serializer.rawsocket_id:
            wanted = self._serializer.rawsocket_id
            link.fail(
                ConnectError(f"the router chose RawSocket serializer {serializer_id}, but {wanted} was requested")
            )
        else:
            self.open(link, self._serializer, exponent)


class RawSocketServerHandshake(_Handshake):
    """Waits for the client's request and answers it."""

    __slots__ = ("_at_capacity", "_serializers")

    def __init__(self, serializers: Iterable[Serializer], max_size: int, at_capacity: bool) -> None:
        super().__init__(max_size)
        self._serializers = {
            serializer.rawsocket_id: serializer for serializer in serializers if serializer.rawsocket_id
        }
        self._at_capacity = at_capacity

    def not_rawsocket(self, octets: bytes) -> Exception:
        return RemoteProtocolError(f"no RawSocket handshake: it begins with {guess(octets[0])}")  # RS-R1

    def decide(self, link: Link, octets: bytes) -> None:
        exponent, serializer_id = divmod(octets[1], 16)
        serializer = self._serializers.get(serializer_id)
        if self._at_capacity:
            self._refuse(link, _TOO_MANY_CONNECTIONS, "too many connections")
        elif octets[2:] != b"\0\0":
            self._refuse(link, _RESERVED_BITS_USED, "reserved octets in use")
        elif serializer is None:
            self._refuse(link, _SERIALIZER_UNSUPPORTED, f"serializer {serializer_id} is not supported")
        else:
            link.queue(self.request(serializer))  # RS-R3
            self.open(link, serializer, exponent)

    def _refuse(self, link: Link, code: int, reason: str) -> None:
        link.queue(bytes((MAGIC, code << 4, 0, 0)))  # RS-R2
        link.fail(ConnectError(f"RawSocket client refused: {reason}"))


class _Frames(Framing):
    """Frames after the handshake; both sides are alike."""

    __slots__ = ("_handler", "_missing", "_parts", "_prefix")

    words = "RawSocket connection"

    _handler: Callable[[Link, bytes], None]

    def __init__(self) -> None:
        self._prefix = b""  # the beginning of one
        self._parts: list[
            bytes | bytearray | memoryview
        ] = []  # of a frame that has begun; it is put together once, when the last of them is there
        self._missing = 0  # octets of that frame

    def receive(self, link: Link, data: bytes) -> None:
        missing = self._missing
        if len(data) < missing:
            self._keep(data)
            return
        try:
            size = len(data) - 4
            if not (missing or self._prefix) and 0 <= size < _LONGEST and size == _unpack(data)[0] <= link.max_size:
                # One message and nothing else, as a rule where calls are made one by one. It is no batch (RS-B5).
                link.messages.append(link.decode(data[4:]))
                return
            if missing:
                self._finish(link, memoryview(data)[:missing])
            elif self._prefix:
                data = self._prefix + data
                self._prefix = b""
            self._read(link, data, missing)
        except (RemoteProtocolError, MessageTooLarge) as error:
            link.fail(error)

    def _read(self, link: Link, data: bytes, offset: int) -> None:
        """Read the frames that begin at an offset, and keep what is left of the last one."""
        deliver = link.deliver
        longest = min(link.max_size, _LONGEST - 1)
        end = len(data)
        while offset + 4 <= end:
            (prefix,) = _unpack(data, offset)
            start = offset + 4
            is_message = prefix <= longest  # the usual case: no bit above the length is set
            stop = start + (prefix if is_message else _length(prefix, link.max_size))
            if stop > end:
                self._handler = _HANDLERS[prefix >> 24 & 0x07]
                self._parts = [memoryview(data)[start:]]
                self._missing = stop - end
                return
            if is_message:
                deliver(data[start:stop])
            else:
                _HANDLERS[prefix >> 24 & 0x07](link, data[start:stop])
            offset = stop
        self._prefix = data[offset:]

    def _keep(self, data: bytes) -> None:
        """Keep a part of a frame; small ones as one, or a frame in a million pieces would take many times the memory that it has octets."""
        self._missing -= len(data)
        parts = self._parts
        if len(data) >= _LARGE_PART:
            parts.append(data)
        elif type(parts[-1]) is bytearray:
            parts[-1] += data
        else:
            parts.append(bytearray(data))

    def _finish(self, link: Link, data: memoryview) -> None:
        parts = self._parts
        self._parts, self._missing = [], 0
        parts.append(data)
        self._handler(link, b"".join(parts))

    def receive_eof(self, link: Link) -> None:
        inside = " inside a message" if self._prefix or self._missing else ""
        link.ended(f"the peer ended the connection{inside}")

    def frame(self, body: Octets) -> Octets:
        prefix = _pack(len(body))
        return prefix + body if type(body) is bytes and len(body) < LARGE else put_before(prefix, body)

    def ping(self, link: Link, payload: bytes) -> None:
        link.queue(_pack(_PING | len(payload)) + payload)


def _length(prefix: int, max_size: int) -> int:
    """Return the length in a prefix.

    Raises:
        RemoteProtocolError: Reserved bits or a reserved type (RS-B3).
        MessageTooLarge: The frame is longer than `max_size` (RS-B1); nothing of it needs to be buffered.
    """
    flags, length = prefix >> 24, prefix & 0xFFFFFF
    if flags & 0xF0:
        raise RemoteProtocolError(f"RawSocket frame with reserved bits: 0x{prefix:08X}")
    if flags & 0x07 not in _HANDLERS:
        raise RemoteProtocolError(f"RawSocket frame of the reserved type {flags & 0x07}")
    if flags & 0x08:
        if length:
            raise RemoteProtocolError(f"RawSocket frame longer than 2**24 octets: 0x{prefix:08X}")
        length = _LONGEST
    if length > max_size:
        raise MessageTooLarge(length, max_size)
    return length


def _pinged(link: Link, payload: bytes) -> None:
    link.queue_pong(_pack(_pong_prefix(len(payload))) + payload)  # RS-B2


def _pong_prefix(length: int) -> int:
    return _PONG | (0x08000000 if length == _LONGEST else length)


_HANDLERS: Final[dict[int, Callable[[Link, bytes], None]]] = {0: Link.deliver, 1: _pinged, 2: Link.pong_received}
