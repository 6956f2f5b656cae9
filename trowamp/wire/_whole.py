"""Links over a connection that delimits messages itself, such as a WebSocket connection that somebody else opened."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from .._exceptions import MessageTooLarge, RemoteProtocolError
from ._frames import TOO_BIG
from ._link import DEFAULT_MAX_SIZE, Framing, Link

if TYPE_CHECKING:
    from ..messages import Message
    from ._pieces import Octets
    from .serializers import Serializer


def whole_messages(
    serializer: Serializer, *, max_size: int = DEFAULT_MAX_SIZE, max_send_size: int | None = None
) -> WholeMessages:
    """Make a link without framing, open from the start.

    Args:
        serializer: What the connection agreed on.
        max_size: Octets accepted for one incoming message.
        max_send_size: Octets a message may have on its way out; the same as `max_size` if None.
    """
    link = WholeMessages(Bodies(), max_size=max_size, max_send_size=max_send_size)
    wire_format = ("whole", serializer, link.max_send_size)
    link.opened(Bodies(), serializer, max_send_size=link.max_send_size, wire_format=wire_format)
    return link


class WholeMessages(Link):
    """A link whose owner moves whole bodies: one per `receive_data`, a list of them to send.

    Pings and the closing handshake are the owner's, too: `close` only notes `close_code` and `close_reason` for it.
    """

    __slots__ = ("_sizes",)

    def __init__(self, framing: Framing, *, max_size: int, max_send_size: int | None) -> None:
        super().__init__(framing, max_size=max_size, max_send_size=max_send_size)
        self._sizes: deque[int] = deque()  # of the bodies in the outgoing buffer

    def receive_data(self, data: bytes | str) -> None:
        """Take one whole body: text for a text serializer, octets for a binary one, as the connection tells them apart (WS-B2)."""
        is_text = isinstance(data, str)
        octets = data.encode(errors="surrogatepass") if isinstance(data, str) else data
        self.received_octets += len(octets)
        if self.is_closed:
            return
        if is_text is self.serializer.is_binary:
            kind = "text" if is_text else "binary"
            self.fail(RemoteProtocolError(f"{kind} message, but {self.serializer.subprotocol} is not carried by them"))
        else:
            self.pass_on(octets)

    def send_encoded(self, octets: Octets) -> None:
        if self.is_open:
            self._sizes.append(len(octets))
        super().send_encoded(octets)

    def send(self, message: Message) -> None:
        self.send_encoded(self.encode_in_pieces(message))

    def bodies_to_send(self) -> list[bytes]:
        """Take the queued bodies; they count as sent from here on."""
        octets = bytes(self.data_to_send())
        bodies = []
        start = 0
        for size in self._sizes:
            bodies.append(octets[start : start + size])
            start += size
        self._sizes.clear()
        self.data_sent(start)
        return bodies


class Bodies(Framing):
    """One body after the other."""

    __slots__ = ()

    words = "connection"

    def receive(self, link: Link, data: bytes) -> None:
        if len(data) > link.max_size:
            link.fail(MessageTooLarge(len(data), link.max_size), TOO_BIG)
            return
        try:
            link.deliver(data)
        except RemoteProtocolError as error:
            link.fail(error)

    def receive_eof(self, link: Link) -> None:
        link.ended("the peer ended the connection")

    def frame(self, body: Octets) -> Octets:
        return body
