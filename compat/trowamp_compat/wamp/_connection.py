"""One connection that carries WAMP: octets between a framework's transport and a link, messages between the link and a session.

What a framework adds are the abstract methods: writing, closing, pausing.
"""

from __future__ import annotations

import abc
import contextlib
import functools
import socket
from collections.abc import Callable
from typing import Any, Final

from trowamp.messages import Message
from trowamp.wire import TCP_KEEPALIVE, Link

from ._convert import to_compat, to_core
from ._errors import as_compat_errors
from ._face import Face, Handle
from .types import TransportDetails

HIGH_WATER: Final = 1024 * 1024  # octets that wait before no more work is taken from the peer
CLOSE_TIMEOUT: Final = 1.0  # seconds for the peer to take what is left, and to answer a closing handshake
OPEN_TIMEOUT: Final = 5.0  # seconds for the transport handshake


def keep_alive(sock: Any) -> None:
    """Have the kernel notice a host that has silently gone, also where nobody pings."""
    if sock is None or sock.family not in (socket.AF_INET, socket.AF_INET6):
        return
    with contextlib.suppress(OSError):  # some systems refuse when the peer has gone already
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in TCP_KEEPALIVE.items():
            if hasattr(socket, name):
                sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _hand_over(handler: Any, messages: list[Message]) -> None:
    """Give messages to a handler that knows those of the API only."""
    for message in messages:
        handler.onMessage(to_compat(message))


class NativeTransport(abc.ABC):
    """A transport of ours: sessions put messages of the core into its link, and tell it to flush.

    Attributes:
        link: Takes the messages.
    """

    link: Any
    _is_receiving: bool  # whether octets are being taken: what is queued meanwhile is written after them, or when the peer takes more
    _face: Face

    @abc.abstractmethod
    def flush(self) -> None:
        """Write what is queued."""

    @abc.abstractmethod
    def flush_soon(self) -> None:
        """Write what is queued together with what else is queued in this turn of the loop."""

    @abc.abstractmethod
    def when_closed(self) -> Any:
        """Return a future of one's own that is done when the connection is gone."""

    @abc.abstractmethod
    def give_up(self, why: str) -> None:
        """Close at once.

        Args:
            why: The reason, in words.
        """


class Connection(NativeTransport):
    """The transport that sessions see: `send`, `isOpen`, `close`, `abort`, `transport_details`, `is_closed`.

    Attributes:
        link: The connection's state.
        is_closed: A future that is done when the connection is gone.
        transport_details: What is known of the connection; set when it is open.
        close_reason: Why it is gone, in words.
        error: Why it failed, or None.
        open_timeout: Seconds for the transport handshake; 0 for any time.
        close_timeout: Seconds for the peer to take what is left, and for the closing handshake.
        ping_interval: Seconds between pings to a silent peer; 0 for none.
        ping_timeout: Seconds after which a peer that stays silent is given up; 0 for never.
        is_server: Whether this is the side that listened.
        has_farewell: Whether the peer answers the end of the connection, as in WebSocket.
    """

    _face: Face
    link: Link
    is_closed: Any
    transport_details: TransportDetails | None = None
    close_reason = ""
    error: Exception | None = None
    open_timeout = OPEN_TIMEOUT
    close_timeout = CLOSE_TIMEOUT
    is_server = False
    has_farewell = False
    ping_interval: float = 0
    ping_timeout: float = 0

    _write: Callable[[bytes], None]  # as the framework does
    _waiters: list[Any]
    _handler: Any = None
    _take: Callable[[list[Message]], None]  # by the handler
    _is_native = False  # whether the handler takes the core's messages
    _is_receiving = False
    _is_flush_due = False
    _is_paused = False  # the transport takes nothing more for now
    _is_reading_paused = False
    _is_closing = False
    _is_aborted = False
    _is_gone = False
    _timer: Handle | None = None
    _heard_at = 0.0  # when octets came; noted only if there are pings

    # ---- what a framework adds

    @abc.abstractmethod
    def _backlog(self) -> int:
        """Return how many octets of what was written the kernel has not taken yet."""

    @abc.abstractmethod
    def _close_transport(self) -> None:
        """Close when everything has been written."""

    @abc.abstractmethod
    def _abort_transport(self) -> None:
        """Close at once, whatever waits."""

    @abc.abstractmethod
    def _pause_reading(self) -> None:
        """Take nothing more from the peer for now."""

    @abc.abstractmethod
    def _resume_reading(self) -> None:
        """Take from the peer again."""

    @abc.abstractmethod
    def _describe(self) -> TransportDetails:
        """Tell what is known of the connection."""

    @abc.abstractmethod
    def _make_handler(self) -> Any:
        """Make the session."""

    # ---- from the framework

    def _connected(self, face: Face, link: Link) -> None:
        """The connection is made: begin the transport handshake."""
        self._face = face
        self.link = link
        self._waiters = []
        self._is_paused = self._is_gone = False  # looked at for each message, and found sooner here than in the class
        self.is_closed = self.when_closed()
        if self.open_timeout:
            self._timer = face.call_later(self.open_timeout, self._open_timed_out)
        self.flush()

    def _received(self, data: bytes) -> None:
        """Take octets."""
        link = self.link
        if self.ping_interval:
            self._heard_at = self._face.now()
        self._is_receiving = True
        try:
            link.receive_data(data)
            if self._handler is None and link.is_open:
                self._opened()
            messages = link.received()
            if messages and self._handler is not None:
                self._take(messages)
        finally:
            self._is_receiving = False
        if link.is_closed:
            self._end_of_link()
        if not self._is_paused:
            if link.queued_octets > link.sent_octets and not self._is_gone:  # `_write_queued`, without the way there
                self._write(link.take_data_to_send())
        elif len(link.data_to_send()) > HIGH_WATER and not self._is_reading_paused:
            self._is_reading_paused = True
            self._pause_reading()

    def _lost(self, error: BaseException | None) -> None:
        """The connection is gone."""
        if self._is_gone:
            return
        self._is_gone = True
        link = self.link
        was_open = link.is_open
        link.receive_eof()
        if self._timer is not None:
            self._timer.cancel()
        self.error = self.error or link.error
        self.close_reason = self.close_reason or (
            f"the connection broke: {error}" if error is not None else link.close_reason or "the connection was closed"
        )
        has_failed = error is not None or self.error is not None or self._is_aborted
        was_clean = not has_failed and not (was_open and self.has_farewell)
        handler, self._handler = self._handler, None
        try:
            if handler is not None:
                handler.onClose(was_clean)
        finally:
            for waiter in self._waiters:
                self._face.resolve(waiter)

    def _paused(self) -> None:
        """The transport has enough for now."""
        self._is_paused = True

    def _resumed(self) -> None:
        """The transport takes more."""
        self._is_paused = False
        self.flush()
        if self._is_reading_paused and not self._is_paused:
            self._is_reading_paused = False
            self._resume_reading()

    # ---- what sessions use

    def send(self, message: Any) -> None:
        """Send a message.

        Raises:
            SerializationError, PayloadExceededError, TransportLost: It cannot be sent.
        """
        with as_compat_errors():
            self.link.send(to_core(message))
        self.flush_soon()

    def when_closed(self) -> Any:
        """Return a future of one's own that is done when the connection is gone."""
        future = self._face.create_future()
        if self._is_gone:
            self._face.resolve(future)
        else:
            self._waiters.append(future)
        return future

    @property
    def _session(self) -> Any:
        """The session; programs look here for it (W-32)."""
        return self._handler

    def isOpen(self) -> bool:
        """Tell whether messages can be sent."""
        return self.link.is_open and not self._is_gone

    def close(self) -> None:
        """Close in good order: everything queued is sent before."""
        if self._is_gone:
            return
        self.link.close()
        self._write_queued()  # now, for a transport that closes takes nothing more
        self._limit_closing()
        if not self.has_farewell or self.link.is_closed:
            self._close_transport()

    def abort(self) -> None:
        """Close at once."""
        if not self._is_gone:
            self._is_aborted = True
            self._abort_transport()

    def give_up(self, why: str) -> None:
        """Close at once, and tell why."""
        self.close_reason = why
        self.abort()

    def flush(self) -> None:
        """Write what is queued."""
        self._is_flush_due = False
        if self._is_receiving or self._is_paused:
            return  # at the end of what was received, or when the transport takes more
        self._write_queued()

    def _write_queued(self, write: Callable[[bytes], None] | None = None) -> None:
        link = self.link
        if link.queued_octets > link.sent_octets and not self._is_gone:
            (write or self._write)(link.take_data_to_send())

    def flush_soon(self) -> None:
        """Write what is queued together with what else is queued in this turn of the loop."""
        if not (self._is_flush_due or self._is_receiving):
            self._is_flush_due = True
            self._face.call_soon(self.flush)

    # ---- inner workings

    def _opened(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.transport_details = self._described()
        if self.ping_interval:
            self._timer = self._face.call_later(self.ping_interval, self._check_life)
        try:
            handler = self._make_handler()
        except Exception as error:  # noqa: BLE001  # whoever waits for the connection learns of it
            self.error = error
            self.close_reason = f"the session could not be made: {error!r}"
            self.abort()
            return
        self._is_native = hasattr(handler, "_take")
        self._take = handler._take if self._is_native else functools.partial(_hand_over, handler)
        self._handler = handler
        handler.onOpen(self)

    def _described(self) -> TransportDetails:
        """Tell what is known of the connection, and of what goes over it."""
        details = self._describe()
        serializer = self.link.serializer
        details.channel_type = details.CHANNEL_TYPE_TLS if details.is_secure else details.CHANNEL_TYPE_TCP
        details.channel_serializer = details.CHANNEL_SERIALIZER_FROM_STR.get(serializer.name.partition(".")[0])
        details.channel_framing = details.CHANNEL_FRAMING_RAWSOCKET
        if self.has_farewell:
            details.channel_framing = details.CHANNEL_FRAMING_WEBSOCKET
            details.websocket_protocol = serializer.subprotocol
        return details

    def _end_of_link(self) -> None:
        """The peer has closed, or broken the protocol."""
        link = self.link
        if link.error is not None and self.error is None:
            self.error = link.error
            self.close_reason = link.close_reason
            if self._is_native:
                self._handler._violated(str(link.error))
            link.close(link.close_code)
        self._write_queued()
        self._limit_closing()
        self._close_transport()

    def _limit_closing(self) -> None:
        """Give the peer some time to take what is left, and to say farewell; transports, and TLS, would wait for it."""
        if self._is_closing:
            return
        self._is_closing = True
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._face.call_later(self.close_timeout, self.abort)

    def _check_life(self) -> None:
        """Ping a peer from which nothing was heard for a while."""
        rest = self._heard_at + self.ping_interval - self._face.now()
        if rest > 0 or not self.link.is_open:
            self._timer = self._face.call_later(rest if rest > 0 else self.ping_interval, self._check_life)
            return
        self.link.ping()
        self.flush()
        self._await_answer()

    def _await_answer(self) -> None:
        seconds = self.ping_timeout or self.ping_interval
        self._timer = self._face.call_later(seconds, self._check_answer, self._heard_at, self._taken())

    def _check_answer(self, heard_at: float, taken: int) -> None:
        if self._heard_at != heard_at or not self.ping_timeout:
            self._check_life()
        elif self._taken() > taken and self._backlog():
            self._await_answer()  # the ping still stands behind something large, which the peer goes on taking
        else:
            self.give_up(f"no answer to a ping within {self.ping_timeout:g} s")

    def _taken(self) -> int:
        """Return how many octets the kernel has taken so far."""
        return self.link.sent_octets - self._backlog()

    def _open_timed_out(self) -> None:
        self.error = TimeoutError(f"no transport handshake within {self.open_timeout:g} s")
        self.give_up(str(self.error))
