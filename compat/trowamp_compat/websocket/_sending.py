"""What is sent over an open connection: messages, whole, in frames or piece by piece, and pings."""

from __future__ import annotations

from collections.abc import Callable

from ..exception import Disconnected, PayloadExceededError
from ..wamp._described import require
from ._state import ConnectionState

__all__ = ["PreparedMessage", "SendingProtocol"]


class PreparedMessage:
    """A message that is framed once and sent to many.

    Attributes:
        payload: The message.
        binary: Whether it is binary.
        doNotCompress: Whether to leave it uncompressed.
        octets: It as a server sends it uncompressed.
    """

    __slots__ = ("binary", "doNotCompress", "octets", "payload")

    def __init__(self, payload: bytes, isBinary: bool, doNotCompress: bool, octets: bytes) -> None:
        self.payload = payload
        self.binary = isBinary
        self.doNotCompress = doNotCompress
        self.octets = octets


class SendingProtocol(ConnectionState):
    """The part of a protocol that sends."""

    _masks: Callable[[int], bytes] | None = None  # the source of this side's masks; None sends without

    def sendMessage(
        self,
        payload: bytes,
        isBinary: bool = False,
        fragmentSize: int | None = None,
        sync: bool = False,  # noqa: ARG002  # as below: it has lost its meaning
        doNotCompress: bool = False,
    ) -> None:
        """Send a message.

        Args:
            payload: The message; UTF-8 if it is not binary.
            isBinary: Whether it is binary.
            fragmentSize: Octets for one frame at most; None is the option `autoFragmentSize`.
            sync: No meaning any more: everything is handed to the operating system at once.
            doNotCompress: Whether to leave it uncompressed.

        Raises:
            Disconnected: The connection is not open.
            PayloadExceededError: The message is larger than the option `maxMessagePayloadSize`.
            LocalProtocolError: Another message is being sent frame by frame.
            AssertionError: An argument is of the wrong type.
        """
        require(isinstance(payload, bytes), f'"payload" must have type bytes, but was "{type(payload)}"')
        require(isinstance(isBinary, bool), f'"isBinary" must have type bool, but was "{type(isBinary)}"')
        require(
            fragmentSize is None or isinstance(fragmentSize, int),
            f'"fragmentSize" must have type int, but was "{type(fragmentSize)}"',
        )
        if self.state != self.STATE_OPEN:
            raise Disconnected("Attempt to send on a closed protocol")
        size = len(payload)
        if 0 < self.maxMessagePayloadSize < size:
            raise PayloadExceededError(f"message of {size} octets, but {self.maxMessagePayloadSize} are the limit")
        frames = self._channel.send_message(
            payload,
            is_binary=isBinary,
            fragment_size=fragmentSize or self.autoFragmentSize,
            compress=not doNotCompress,
        )
        self._count_sent(size, frames)
        if not self._is_receiving:
            self._flush()

    def sendPreparedMessage(self, preparedMsg: PreparedMessage) -> None:
        """Send a message that the factory's `prepareMessage` made.

        Raises:
            Disconnected: The connection is not open.
        """
        is_plain = preparedMsg.doNotCompress or not self.websocket_extensions_in_use
        if not is_plain or self._masks is not None or self.state != self.STATE_OPEN or self.autoFragmentSize:
            self.sendMessage(preparedMsg.payload, preparedMsg.binary, doNotCompress=preparedMsg.doNotCompress)
            return
        self._channel.send_prepared(preparedMsg.octets)
        self._count_sent(len(preparedMsg.payload), 1)
        self._flush()

    def beginMessage(self, isBinary: bool = False, doNotCompress: bool = False) -> None:
        """Begin a message to be sent frame by frame; nothing happens if the connection is not open.

        Raises:
            LocalProtocolError: Another message is being sent frame by frame.
        """
        if self.state == self.STATE_OPEN:
            self._channel.begin_message(is_binary=isBinary, compress=not doNotCompress)
            self.trafficStats.outgoingWebSocketMessages += 1

    def sendMessageFrame(self, payload: bytes, sync: bool = False) -> None:  # noqa: ARG002
        """Send a frame of the message that was begun; nothing happens if the connection is not open.

        Raises:
            LocalProtocolError: No message was begun, or a frame is being sent piece by piece.
        """
        if self.state == self.STATE_OPEN:
            self._channel.send_frame(payload)
            self._count_frame(len(payload))
            self._flush()

    def beginMessageFrame(self, length: int) -> None:
        """Begin a frame to be sent piece by piece; nothing happens if the connection is not open.

        Args:
            length: Octets of the frame.

        Raises:
            LocalProtocolError: No message was begun, or a frame is being sent piece by piece.
            ValueError: No frame has that length.
        """
        if self.state == self.STATE_OPEN:
            self._channel.begin_frame(length)
            self._count_frame(length)
            self._flush()

    def sendMessageFrameData(self, payload: bytes, sync: bool = False) -> int | None:  # noqa: ARG002
        """Send octets of the frame that was begun.

        Returns:
            How many octets the frame still needs; negative if that many were too much, and were not sent; None if the connection is not open.

        Raises:
            LocalProtocolError: No frame was begun.
        """
        if self.state != self.STATE_OPEN:
            return None
        rest = self._channel.send_frame_data(payload)
        self._flush()
        return rest

    def endMessage(self) -> None:
        """End the message that was begun; nothing happens if the connection is not open.

        Raises:
            LocalProtocolError: No message was begun, or a frame of it is not complete.
        """
        if self.state == self.STATE_OPEN:
            self._channel.end_message()
            self._count_frame(0)
            self._flush()

    def sendPing(self, payload: bytes | None = None) -> None:
        """Send a ping; nothing happens if the connection is not open.

        Raises:
            ValueError: More than 125 octets.
        """
        self._send_control(self._channel.ping if self.state == self.STATE_OPEN else None, payload)

    def sendPong(self, payload: bytes | None = None) -> None:
        """Send a pong that answers no ping; nothing happens if the connection is not open.

        Raises:
            ValueError: More than 125 octets.
        """
        self._send_control(self._channel.pong if self.state == self.STATE_OPEN else None, payload)

    def _send_control(self, send: Callable[[bytes], None] | None, payload: bytes | None) -> None:
        if send is not None:
            send(payload or b"")
            self.trafficStats.outgoingWebSocketFrames += 1
            if not self._is_receiving:
                self._flush()

    def _count_sent(self, size: int, frames: int) -> None:
        statistics = self.trafficStats
        statistics.outgoingOctetsAppLevel += size
        statistics.outgoingWebSocketFrames += frames
        statistics.outgoingWebSocketMessages += 1

    def _count_frame(self, size: int) -> None:
        self.trafficStats.outgoingOctetsAppLevel += size
        self.trafficStats.outgoingWebSocketFrames += 1
