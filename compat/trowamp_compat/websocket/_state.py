"""What a connection is made of: its state, its options, its timers and futures, and its way to the driver.

A driver has the connection beneath, as a `Wire`, and calls `_connected`, `_received`, `_lost`, `_paused` and `_resumed`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Protocol, Self

from trowamp.wire.websocket import Channel

from ..wamp._face import Handle
from ..wamp._observable import Observable
from ..wamp.types import TransportDetails
from ._frame_log import FrameHeader, FrameLog
from ._pings import AutoPings
from ._statistics import Timings, TrafficStats
from .compress import PerMessageCompress

__all__ = ["ConnectionState", "Wire"]


class Wire(Protocol):
    """The connection beneath, as a driver gives it.

    Attributes:
        transport: The framework's own object for it.
    """

    transport: Any

    def write(self, data: bytes) -> None:
        """Send octets, as soon as the peer takes them."""
        ...

    def write_now(self, data: bytes) -> None:
        """Send octets without gathering what else is written in this turn of the loop."""
        ...

    def finish(self) -> None:
        """Tell the peer that nothing more comes, after all that was written; go on reading until it has ended, too."""
        ...

    def close(self) -> None:
        """End the connection when all that was written is sent."""
        ...

    def abort(self) -> None:
        """End the connection now."""
        ...

    def pause_reading(self) -> None:
        """Take nothing from the peer."""
        ...

    def resume_reading(self) -> None:
        """Take what the peer sends again."""
        ...

    def set_no_delay(self, enabled: bool) -> None:
        """Say whether small messages are sent at once."""
        ...

    def describe(self, **more: Any) -> TransportDetails:
        """Return what is known of the connection, and more."""
        ...

    def channel_ids(self, *, is_server: bool) -> dict[str, bytes]:
        """Return the ids of the TLS channel, if there is one and its handshake is done."""
        ...

    def start_tls(self, protocol: Any, started: Callable[[], None], failed: Callable[[BaseException], None]) -> None:
        """Put TLS on the connection, as a client, then call one of two functions."""
        ...


class ConnectionState(Observable):
    """One side of one connection. Subclasses override the methods named `on…`, or listen with `on`.

    Attributes:
        factory: What made it, and what its options come from.
        state: One of `STATE_…`.
        peer: The other side's address, for example "tcp4:127.0.0.1:48902".
        transport_details: What is known of the connection.
        wasClean: Whether both sides have said that they close.
        wasNotCleanReason: Words about the end if not.
        localCloseCode: The close code that was sent, or None.
        localCloseReason: The reason that was sent, as octets, or None.
        remoteCloseCode: The close code that was received, or None.
        remoteCloseReason: The reason that was received, or None.
        closedByMe: Whether this side began to close.
        failedByMe: Whether that was because of what the peer did wrong.
        droppedByMe: Whether this side ended the connection beneath.
        transport: The framework's object for the connection beneath.
        trafficStats: What went over the connection.
        trackedTimings: When things happened, if they are tracked.
        websocket_version: The version of the protocol.
        websocket_protocol_in_use: The subprotocol, or None.
        websocket_extensions_in_use: The extensions, as objects of `compress`.
    """

    EVENTS: ClassVar = ("connecting", "connect", "open", "message", "ping", "pong", "close")

    STATE_CLOSED = 0
    STATE_CONNECTING = 1
    STATE_CLOSING = 2
    STATE_OPEN = 3
    STATE_PROXY_CONNECTING = 4

    SUPPORTED_PROTOCOL_VERSIONS: ClassVar = [8, 13]
    SPEC_TO_PROTOCOL_VERSION: ClassVar = {10: 8, 11: 8, 12: 8, 13: 13, 14: 13, 15: 13, 16: 13, 17: 13, 18: 13}
    DEFAULT_SPEC_VERSION = 18

    MESSAGE_TYPE_TEXT = 1
    MESSAGE_TYPE_BINARY = 2

    CLOSE_STATUS_CODE_NORMAL = 1000
    CLOSE_STATUS_CODE_GOING_AWAY = 1001
    CLOSE_STATUS_CODE_PROTOCOL_ERROR = 1002
    CLOSE_STATUS_CODE_UNSUPPORTED_DATA = 1003
    CLOSE_STATUS_CODE_RESERVED1 = 1004
    CLOSE_STATUS_CODE_NULL = 1005
    CLOSE_STATUS_CODE_ABNORMAL_CLOSE = 1006
    CLOSE_STATUS_CODE_INVALID_PAYLOAD = 1007
    CLOSE_STATUS_CODE_POLICY_VIOLATION = 1008
    CLOSE_STATUS_CODE_MESSAGE_TOO_BIG = 1009
    CLOSE_STATUS_CODE_MANDATORY_EXTENSION = 1010
    CLOSE_STATUS_CODE_INTERNAL_ERROR = 1011
    CLOSE_STATUS_CODE_SERVICE_RESTART = 1012
    CLOSE_STATUS_CODE_TRY_AGAIN_LATER = 1013
    CLOSE_STATUS_CODE_UNASSIGNED1 = 1014
    CLOSE_STATUS_CODE_TLS_HANDSHAKE_FAILED = 1015
    CLOSE_STATUS_CODES_ALLOWED: ClassVar = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013]

    is_server: ClassVar[bool]
    factory: Any = None
    trafficStats: TrafficStats
    log: Any

    state: int = STATE_CLOSED
    peer: str | None = None
    transport_details: TransportDetails | None = None
    wasClean: bool = False
    wasNotCleanReason: str | None = None
    localCloseCode: int | None = None
    localCloseReason: bytes | None = None
    remoteCloseCode: int | None = None
    remoteCloseReason: str | None = None
    closedByMe: bool = False
    failedByMe: bool = False
    droppedByMe: bool = False
    trackTimings: bool = False
    trackedTimings: Timings | None = None
    websocket_version: int = 0
    websocket_protocols: list[str]
    websocket_extensions: list[Any]
    websocket_protocol_in_use: str | None = None
    websocket_extensions_in_use: list[PerMessageCompress]
    http_headers: dict[str, str]

    # The options, copied from the factory when the connection is made.
    logOctets: bool = False
    logFrames: bool = False
    utf8validateIncoming: bool
    applyMask: bool
    maxFramePayloadSize: int
    maxMessagePayloadSize: int
    autoFragmentSize: int
    failByDrop: bool
    echoCloseCodeReason: bool
    openHandshakeTimeout: float
    closeHandshakeTimeout: float
    tcpNoDelay: bool
    autoPingInterval: float
    autoPingTimeout: float
    autoPingSize: int
    autoPingRestartOnAnyTraffic: bool

    transport: Any = None
    _wire: Wire
    _producer: Any = None
    _channel: Channel
    _pings: AutoPings | None
    _futures: dict[str, list[Any]]
    _ends: dict[str, BaseException | None]
    _timers: dict[str, Handle]
    _is_receiving: bool
    _is_paused: bool
    _unsent_pongs: int
    _frames_received: FrameLog
    _frames_sent: FrameLog

    def __new__(cls, *_: Any, **__: Any) -> Self:
        """Begin here, as subclasses may leave out `super().__init__()`."""
        self = super().__new__(cls)
        Observable.__init__(self)
        self.trafficStats = TrafficStats()
        self.websocket_protocols = []
        self.websocket_extensions = []
        self.websocket_extensions_in_use = []
        self.http_headers = {}
        self._futures = {}
        self._ends = {}
        self._timers = {}
        self._pings = None
        self._is_receiving = False
        self._is_paused = False
        self._unsent_pongs = 0
        self._frames_received = FrameLog()
        self._frames_sent = FrameLog()
        return self

    def __init__(self) -> None:
        """Subclasses may have arguments of their own."""

    # What users ask

    @property
    def is_open(self) -> Any:
        """A future of the framework for the end of the opening handshake: this protocol, or the error."""
        return self._future("open")

    @property
    def is_closed(self) -> Any:
        """A future of the framework for the end of the connection: this protocol."""
        return self._future("closed")

    def isOpen(self) -> bool:
        """Tell whether messages can be sent."""
        return self.state == self.STATE_OPEN

    def setTrackTimings(self, enable: bool) -> None:
        """Track when things happen, in `trackedTimings`, or stop doing so."""
        self.trackTimings = enable
        self.trackedTimings = Timings() if enable else None

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """Let a producer know when to pause: it is told by `pauseProducing` and `resumeProducing`.

        Args:
            producer: What sends messages.
            streaming: Whether it does so until it is told to pause; otherwise only when it is told to resume.

        Raises:
            RuntimeError: There is one.
        """
        if self._producer is not None:
            raise RuntimeError("there is a producer already")
        self._producer = producer
        if self._is_paused:
            producer.pauseProducing()
        elif not streaming:
            producer.resumeProducing()

    def unregisterProducer(self) -> None:
        """Forget the producer."""
        self._producer = None

    # What subclasses may override

    def logRxOctets(self, data: bytes) -> None:
        """Octets have come, with the option `logOctets`."""
        self.log.debug("RX octets from {peer} : {octets}", peer=self.peer, octets=data.hex())

    def logTxOctets(self, data: bytes, sync: bool) -> None:  # noqa: ARG002  # for those who override it
        """Octets are sent, with the option `logOctets`."""
        self.log.debug("TX octets to {peer} : {octets}", peer=self.peer, octets=data.hex())

    def logRxFrame(self, frameHeader: FrameHeader, payload: list[bytes]) -> None:
        """A frame has come, with the option `logFrames`; its payload, in pieces, is unmasked, but not inflated."""
        self.log.debug("RX frame from {peer} : {frame}", peer=self.peer, frame=_words(frameHeader, b"".join(payload)))

    def logTxFrame(
        self,
        frameHeader: FrameHeader,
        payload: bytes,
        repeatLength: int | None,  # noqa: ARG002  # as below: there is none
        chopsize: int | None,  # noqa: ARG002
        sync: bool,  # noqa: ARG002
    ) -> None:
        """A frame is sent, with the option `logFrames`; its payload is compressed if the message is, but not masked."""
        self.log.debug("TX frame to {peer} : {frame}", peer=self.peer, frame=_words(frameHeader, payload))

    # What drivers call

    def _paused(self) -> None:
        """The peer does not take what was sent: a server takes nothing from it that would add to it."""
        self._is_paused = True
        self._unsent_pongs = 0
        if self.is_server:
            self._wire.pause_reading()
        if self._producer is not None:
            self._producer.pauseProducing()

    def _resumed(self) -> None:
        """The peer takes what is sent again."""
        self._is_paused = False
        self._unsent_pongs = 0
        if self.is_server:
            self._wire.resume_reading()
        if self._producer is not None:
            self._producer.resumeProducing()

    # Helpers

    def _flush(self, *, at_once: bool = False) -> None:
        outgoing = self._channel.data_to_send()
        if outgoing:
            octets = bytes(outgoing)
            outgoing.clear()
            self.trafficStats.outgoingOctetsWireLevel += len(octets)
            self.trafficStats.outgoingOctetsWebSocketLevel += len(octets)
            if self.logOctets:
                self.logTxOctets(octets, False)
            if self.logFrames:
                for header, payload in self._frames_sent.take(octets):
                    self.logTxFrame(header, payload, None, None, False)
            (self._wire.write_now if at_once else self._wire.write)(octets)

    def _future(self, name: str) -> Any:
        """Return a future of one's own, as what is added to one Deferred changes its result for the next."""
        future = self._face.create_future()
        if name in self._ends:
            self._settle(future, self._ends[name])
        else:
            self._futures.setdefault(name, []).append(future)
        return future

    def _end(self, name: str, error: BaseException | None) -> None:
        """Say that something has come to its end, also to those who ask later."""
        self._ends[name] = error
        for future in self._futures.pop(name, ()):
            self._settle(future, error)

    def _settle(self, future: Any, error: BaseException | None) -> None:
        if error is None:
            self._face.resolve(future, self)
        else:
            self._face.reject(future, error)

    def _later(self, name: str, seconds: float, function: Callable[[], None]) -> None:
        self._cancel(name)
        if seconds:
            self._timers[name] = self._face.call_later(seconds, function)

    def _cancel(self, name: str) -> None:
        timer = self._timers.pop(name, None)
        if timer is not None:
            timer.cancel()

    def _stop_timers(self) -> None:
        for name in list(self._timers):
            self._cancel(name)
        if self._pings is not None:
            self._pings.stop()


def _words(header: FrameHeader, payload: bytes) -> str:
    mask = None if header.mask is None else header.mask.hex()
    return (
        f"opcode={header.opcode}, fin={header.fin}, rsv={header.rsv}, length={header.length}, mask={mask}, "
        f"payload={payload.hex()}"
    )
