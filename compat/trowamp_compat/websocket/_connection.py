"""What server and client have in common once a connection is open: what comes, and the end."""

from __future__ import annotations

import secrets
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Final

from trowamp.wire.websocket import (
    BINARY,
    CLOSE,
    FRAME_BEGIN,
    FRAME_DATA,
    FRAME_END,
    MESSAGE_BEGIN,
    MESSAGE_END,
    NO_LIMIT,
    PING,
    PONG,
    TEXT,
    Channel,
    Event,
)

from ..wamp.types import TransportDetails
from ._pings import AutoPings
from ._sending import PreparedMessage, SendingProtocol
from ._state import Wire
from .compress import PerMessageCompress

__all__ = ["PreparedMessage", "WebSocketProtocol", "random_octets"]

_NO_PEER: Final = "peer dropped the TCP connection without previous WebSocket closing handshake"
_MOST_INFLATED: Final = 2**26  # octets of a compressed message where no limit was set: there is no other sign of a bomb
_LINGER: Final = 30.0  # seconds for a peer to take what was sent before the end
_UNSENT_PONGS: Final = 2**18  # octets for a peer that pings and does not read
_PARTS: Final = (
    MESSAGE_BEGIN,
    FRAME_BEGIN,
    FRAME_DATA,
    FRAME_END,
)  # no frames of their own: MESSAGE_END stands for the last one
_STREAMING: Final = (
    "onMessageBegin",
    "onMessageFrameBegin",
    "onMessageFrameData",
    "onMessageFrameEnd",
    "onMessageFrame",
    "onMessageEnd",
)

random_octets: Final = secrets.token_bytes


class WebSocketProtocol(SendingProtocol, ABC):
    """One side of one connection. Subclasses override the methods named `on…`, or listen with `on`."""

    _is_close_answered = False

    # What subclasses may override

    def onOpen(self) -> None:
        """The opening handshake is done: messages can be sent."""

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        """A message has come; it is UTF-8 if it is not binary."""

    def onPing(self, payload: bytes) -> None:
        """A ping has come. It has been answered."""

    def onPong(self, payload: bytes) -> None:
        """A pong has come that answers no ping of `autoPingInterval`."""

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        """The connection is gone.

        Args:
            wasClean: Whether both sides have said that they close.
            code: The peer's close code, or None; 1006 if it was not clean.
            reason: The peer's reason, or None; words about the end if it was not clean.
        """

    def onCloseFrame(self, code: int | None, reasonRaw: bytes | None) -> None:  # noqa: ARG002  # for those who override it
        """A Close frame has come: answer it. One that overrides this may leave that out: it is answered in any case.

        Args:
            code: Its code, or None.
            reasonRaw: Its reason, as octets, or None.
        """
        self._answer_close()

    def onMessageBegin(self, isBinary: bool) -> None:
        """A message begins."""
        self._is_binary = isBinary
        self._message: list[bytes] = []

    def onMessageFrameBegin(self, length: int) -> None:  # noqa: ARG002  # for those who override it
        """A frame of it begins, with that many octets on the wire."""
        self._frame: list[bytes] = []

    def onMessageFrameData(self, payload: bytes) -> None:
        """Octets of the frame have come."""
        self._frame.append(payload)

    def onMessageFrameEnd(self) -> None:
        """The frame is complete."""
        self.onMessageFrame(self._frame)

    def onMessageFrame(self, payload: list[bytes]) -> None:
        """A whole frame has come, in pieces."""
        self._message.extend(payload)

    def onMessageEnd(self) -> None:
        """The message is complete."""
        self._text_or_binary(b"".join(self._message), self._is_binary)

    def onAutoPong(
        self, ping_sent: float, ping_seq: int, pong_received: float, pong_rtt: float, payload: bytes
    ) -> None:
        """The peer has answered an automatic ping; times in seconds."""

    def onAutoPingTimeout(self) -> None:
        """The peer has not answered an automatic ping in time; the connection is being dropped."""

    def onOpenHandshakeTimeout(self) -> None:
        """The opening handshake takes too long; the connection is being dropped."""

    def onCloseHandshakeTimeout(self) -> None:
        """The peer does not answer the closing handshake; the connection is being dropped."""

    def onServerConnectionDropTimeout(self) -> None:
        """The server does not end the connection after the closing handshake; it is being dropped."""

    def sendClose(self, code: int | None = None, reason: str | None = None) -> None:
        """Begin the closing handshake; nothing happens if that was done, or the connection is gone.

        Args:
            code: 1000, or a code from 3000 to 4999.
            reason: Words for the peer, shortened to 123 octets; needs a code.

        Raises:
            Exception: The arguments are not that.
        """
        _check_close(code, reason)
        if self.state == self.STATE_CONNECTING:
            self.dropConnection()
        elif self.state == self.STATE_OPEN:
            self.closedByMe = True
            self._say_close(code, reason)
            self._flush()
            self._later("close", self.closeHandshakeTimeout, self._close_is_late)

    def dropConnection(self, abort: bool = False) -> None:
        """End the connection beneath, without a closing handshake.

        Args:
            abort: Whether to throw away what was not sent yet.
        """
        if self.state == self.STATE_CLOSED:
            return
        self.state = self.STATE_CLOSED
        self.droppedByMe = True
        self._stop_timers()
        if abort:
            self._wire.abort()
        else:
            self._wire.close()
            self._later("close", _LINGER, self._wire.abort)

    # What drivers call

    def _connected(self, wire: Wire) -> None:
        """The connection is there; begin the opening handshake."""
        self._set_wire(wire)
        for name in self.factory.OPTIONS:
            setattr(self, name, getattr(self.factory, name))
        wire.set_no_delay(self.tcpNoDelay)
        self.setTrackTimings(self.factory.trackTimings)
        self.state = self.STATE_CONNECTING
        self._later("open", self.openHandshakeTimeout, self._open_is_late)

    def _received(self, data: bytes) -> None:
        """Octets have come."""
        if self.logOctets:
            self.logRxOctets(data)
        if self.state in (self.STATE_OPEN, self.STATE_CLOSING):
            self._read(data)
        elif self.state != self.STATE_CLOSED:
            self.trafficStats.preopenIncomingOctetsWireLevel += len(data)
            self._shake_hands(data)

    @abstractmethod
    def _shake_hands(self, data: bytes) -> None:
        """Take octets of the opening handshake."""

    def _lost(self) -> None:
        """The connection is gone."""
        was_open = "open" in self._ends
        self.state = self.STATE_CLOSED
        self._stop_timers()
        if not (self.wasClean or self.droppedByMe or self.wasNotCleanReason):
            self.wasNotCleanReason = _NO_PEER
        code, reason = self.remoteCloseCode, self.remoteCloseReason
        if not self.wasClean:
            code = self.CLOSE_STATUS_CODE_ABNORMAL_CLOSE
            reason = f'connection was closed uncleanly ("{self.wasNotCleanReason}")'
        if not was_open:
            self._end("open", ConnectionError(reason))
        self._call(self.onClose, self.wasClean, code, reason)
        if self._listeners:
            self.fire("close", self.wasClean, code, reason)
        self._end("closed", None)

    def _set_wire(self, wire: Wire) -> None:
        self._wire = wire
        self.transport = wire.transport
        details = wire.describe(channel_framing=TransportDetails.CHANNEL_FRAMING_WEBSOCKET, is_server=self.is_server)
        tls, plain = TransportDetails.CHANNEL_TYPE_TLS, TransportDetails.CHANNEL_TYPE_TCP
        details.channel_type = tls if details.is_secure else plain
        self.transport_details = details
        self.peer = details.peer

    # Opening

    def _opens(self, extensions: list[PerMessageCompress], *, is_masking: bool, accepts_both: bool) -> None:
        """The opening handshake is done: from here on there are frames."""
        self._masks = (random_octets if self.applyMask else bytes) if is_masking else None
        deflate = extensions[0].engine() if extensions else None
        limits = [self.maxMessagePayloadSize, *(extension.max_message_size or 0 for extension in extensions)]
        no_limit = _MOST_INFLATED if deflate is not None else NO_LIMIT
        self._is_streaming = self._wants_frames()
        self._fragments = 0  # received and counted
        self.websocket_extensions_in_use = extensions
        self._channel = Channel(
            is_server=self.is_server,
            random_octets=self._masks,
            deflate=deflate,
            accepts_both=accepts_both,
            checks_text=self.utf8validateIncoming,
            max_size=min(filter(None, limits), default=no_limit),
            max_frame_size=self.maxFramePayloadSize or NO_LIMIT,
            is_streaming=self._is_streaming,
        )
        self._handlers: dict[int, Callable[[Any], None]] = {
            TEXT: self._text,
            BINARY: self._binary,
            PING: self._pinged,
            PONG: self._ponged,
            CLOSE: self._close_received,
            MESSAGE_BEGIN: self._message_begins,
            FRAME_BEGIN: self._frame_begins,
            FRAME_DATA: lambda payload: self._call(self.onMessageFrameData, payload),
            FRAME_END: lambda _: self._call(self.onMessageFrameEnd),
            MESSAGE_END: lambda _: self._call(self.onMessageEnd),
        }
        self.state = self.STATE_OPEN
        self._cancel("open")
        if self.autoPingInterval:
            self._pings = AutoPings(
                self._face,
                interval=self.autoPingInterval,
                timeout=self.autoPingTimeout,
                size=self.autoPingSize,
                any_traffic=self.autoPingRestartOnAnyTraffic,
                send=self.sendPing,
                on_pong=lambda *pong: self._call(self.onAutoPong, *pong),
                on_timeout=self._ping_is_late,
            )

    def _opened(self, rest: bytes) -> None:
        """Tell everybody, and go on with what came after the handshake."""
        self._end("open", None)
        self._call(self.onOpen)
        if self._listeners:
            self.fire("open")
        if rest and self.state != self.STATE_CLOSED:
            self._received(rest)

    def _wants_frames(self) -> bool:
        return any(
            name in vars(self) or getattr(type(self), name) is not getattr(WebSocketProtocol, name)
            for name in _STREAMING
        )

    # Receiving

    def _read(self, data: bytes) -> None:
        channel = self._channel
        if self.logFrames and not channel.is_ended:
            for header, payload in self._frames_received.take(data):
                self.logRxFrame(header, [payload])
        events = channel.receive_data(data)
        self._count_received(len(data), events)
        if self._pings is not None:
            self._pings.alive()
        handlers = self._handlers
        self._is_receiving = True
        try:
            for kind, value in events:
                if self.failedByMe and kind != CLOSE:
                    continue
                handlers[kind](value)
                if self.state == self.STATE_CLOSED:
                    return
        finally:
            self._is_receiving = False
            self._flush(at_once=True)
        error = channel.error
        if error is not None and not self.failedByMe:
            self._fail(channel.error_code, str(error))

    def _count_received(self, octets: int, events: list[Event]) -> None:
        statistics = self.trafficStats
        statistics.incomingOctetsWireLevel += octets
        statistics.incomingOctetsWebSocketLevel += octets
        fragments = self._channel.fragments_received
        frames = sum(kind not in _PARTS for kind, _ in events) if self._is_streaming else len(events)
        statistics.incomingWebSocketFrames += frames + fragments - self._fragments
        self._fragments = fragments

    def _text(self, payload: bytes) -> None:
        self._text_or_binary(payload, False)

    def _binary(self, payload: bytes) -> None:
        self._text_or_binary(payload, True)

    def _text_or_binary(self, payload: bytes, is_binary: bool) -> None:
        statistics = self.trafficStats
        statistics.incomingWebSocketMessages += 1
        statistics.incomingOctetsAppLevel += len(payload)
        self._call(self.onMessage, payload, is_binary)
        if self._listeners:
            self.fire("message", payload, is_binary=is_binary)

    def _message_begins(self, opcode: int) -> None:
        self._call(self.onMessageBegin, opcode == BINARY)

    def _frame_begins(self, length: int) -> None:
        self._call(self.onMessageFrameBegin, length)

    def _pinged(self, payload: bytes) -> None:
        self._unsent_pongs += len(payload) + 14 if self._is_paused else 0
        if self._unsent_pongs > _UNSENT_PONGS:
            self._fail(self.CLOSE_STATUS_CODE_POLICY_VIOLATION, "the peer sends pings without reading the answers")
        elif self.state == self.STATE_OPEN:
            self.sendPong(payload)
        self._call(self.onPing, payload)
        if self._listeners:
            self.fire("ping", payload)

    def _ponged(self, payload: bytes) -> None:
        if self._pings is None or not self._pings.ponged(payload):
            self._call(self.onPong, payload)
            if self._listeners:
                self.fire("pong", payload)

    # Closing

    def _close_received(self, received: tuple[int, str]) -> None:
        code, reason = received
        self.remoteCloseCode = None if code == self.CLOSE_STATUS_CODE_NULL else code
        self.remoteCloseReason = reason or None
        self.wasClean = not self.failedByMe
        self._call(self.onCloseFrame, self.remoteCloseCode, reason.encode() or None)
        self._answer_close()

    def _answer_close(self) -> None:
        if self._is_close_answered:
            return
        self._is_close_answered = True
        if self.state == self.STATE_OPEN:
            if self.echoCloseCodeReason:
                self._say_close(self.remoteCloseCode, self.remoteCloseReason)
            else:
                self._say_close(self.CLOSE_STATUS_CODE_NORMAL, None)
        self._flush()
        self._cancel("close")
        if self.is_server:
            self.dropConnection()  # the server ends it first (RFC 6455 §7.1.1)
        else:
            self._await_drop()

    def _await_drop(self) -> None:
        """Wait for the server to end the connection."""

    def _say_close(self, code: int | None, reason: str | None) -> None:
        self.state = self.STATE_CLOSING
        self.localCloseCode = code
        self.localCloseReason = reason.encode(errors="replace")[:123] if reason else None
        self._channel.close(code, reason or "")
        if self._pings is not None:
            self._pings.stop()

    def _fail(self, code: int, reason: str) -> None:
        """The peer has broken a rule, or something broke here: end the connection, but send first what the messages before have brought about."""
        if self.state not in (self.STATE_OPEN, self.STATE_CLOSING):
            return
        self.failedByMe = True
        self.log.debug(
            "failing the connection with {peer} ({code}): {reason}", peer=self.peer, code=code, reason=reason
        )
        self.wasNotCleanReason = reason
        if self.failByDrop or self.state == self.STATE_CLOSING:
            self.wasNotCleanReason = f"I dropped the WebSocket TCP connection: {reason}"
            self.droppedByMe = True
        else:
            self.closedByMe = True
            self._say_close(code, reason)
        self.state = self.STATE_CLOSING
        self._flush()
        if self.is_server or self.droppedByMe:
            self._wire.finish()
        self._later("close", self.closeHandshakeTimeout or 1, self._wire.abort)

    def _drop(self, reason: str) -> None:
        self.wasNotCleanReason = reason
        self.wasClean = False
        self.dropConnection(abort=True)

    def _open_is_late(self) -> None:
        self._call(self.onOpenHandshakeTimeout)
        self._drop("WebSocket opening handshake timeout (peer did not finish the opening handshake in time)")

    def _close_is_late(self) -> None:
        self._call(self.onCloseHandshakeTimeout)
        self._drop("WebSocket closing handshake timeout (peer did not finish the opening handshake in time)")

    def _ping_is_late(self) -> None:
        self._call(self.onAutoPingTimeout)
        self._drop("WebSocket ping timeout (peer did not respond with pong in time)")

    def _call(self, function: Callable[..., Any], *args: Any) -> None:
        """Call what a subclass may have overridden, plain or asynchronous."""
        try:
            value = function(*args)
        except Exception as error:  # noqa: BLE001  # it is reported, and ends the connection
            self._broken(error)
            return
        if value is not None:
            future = self._face.future_of(value)
            if future is not None:
                self._face.when_done(future, _nothing, self._broken)

    def _broken(self, error: BaseException) -> None:
        """A method of the subclass has failed."""
        if isinstance(error, self._face.canceled):
            return
        self._face.unhandled(error, f"{type(self).__name__} failed: {error!r}")
        self._fail(self.CLOSE_STATUS_CODE_INTERNAL_ERROR, "internal error")


def _check_close(code: Any, reason: Any) -> None:
    if code is not None:
        if isinstance(code, bool) or not isinstance(code, int):
            raise Exception(f"invalid type '{type(code)}' for close code (must be an integer)")
        if code != 1000 and not 3000 <= code <= 4999:
            raise Exception(f"invalid close code {code} (must be 1000 or from [3000, 4999])")
    if reason is not None:
        if code is None:
            raise Exception("close reason without close code")
        if not isinstance(reason, str):
            raise Exception(f"reason must be of type str (was '{type(reason)}')")


def _nothing(_: Any) -> None:
    """A method of the subclass is done; what it returns means nothing."""
