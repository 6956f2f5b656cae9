"""The router side of WebSocket (checklist §1.1)."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, cast

from websockets.exceptions import NegotiationError
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from .._exceptions import ConnectError, RemoteProtocolError
from ._closing import readable
from ._frames import FrameDecoder
from ._guess import guess
from ._http_head import LONGEST_HEAD, joined
from ._link import DEFAULT_MAX_SIZE, Link
from ._origins import may_connect
from ._websocket_handshake import (
    LOGGER,
    Compression,
    Handshake,
    check_compression,
    explain,
    negotiated,
)
from ._websocket_messages import WebSocketMessages

if TYPE_CHECKING:
    from websockets.extensions import ServerExtensionFactory
    from websockets.http11 import Request

    from .serializers import Serializer

# Small windows: a router has many connections, and each keeps two of them. And every message of the router is compressed by itself: it encodes
# events for all receivers before it sends the first, and perhaps sends none, so no message may depend on what was encoded before it.
_DEFLATE_FACTORY: Final = ServerPerMessageDeflateFactory(
    server_no_context_takeover=True, server_max_window_bits=12, client_max_window_bits=12
)


def websocket_server(
    serializers: Iterable[Serializer],
    *,
    max_size: int = DEFAULT_MAX_SIZE,
    max_send_size: int | None = None,
    compression: Compression = None,
    origins: Sequence[str | re.Pattern[str]] | None = None,
    at_capacity: bool = False,
) -> Link:
    """Make the router side of a WebSocket connection.

    Args:
        serializers: What a client may choose from; the client's order of preference counts.
        max_size: Octets accepted for one incoming message, fragments joined and inflated.
        max_send_size: Octets a message may have on its way out; the same as `max_size` if None.
        compression: "deflate" accepts permessage-deflate where it is offered.
        origins: Origins of web pages that may connect: exact strings such as `"https://example.com"`, patterns that must match as a whole, or `"*"`.
            None allows pages from the host they connect to. Clients that are no browsers send no origin and are not concerned.
        at_capacity: Refuse the client, whoever it is, because there are too many connections.

    Raises:
        ValueError: `compression` is unknown.
    """
    check_compression(compression)
    handshake = WebSocketServerHandshake(serializers, compression, origins, at_capacity)
    return Link(handshake, max_size=max_size, max_send_size=max_send_size)


class _Protocol(ServerProtocol):
    """The handshake of `websockets`, which goes with the last reference: the collector need not come for it.

    That is why it selects as a method of its own, where a function given to it would refer back to it. Its parser does as well, until it is closed.
    """

    def __init__(self, known: Collection[str], extensions: Sequence[ServerExtensionFactory] | None) -> None:
        super().__init__(extensions=extensions, max_size=None, logger=LOGGER)
        self._known = known

    def select_subprotocol(self, subprotocols: Sequence[Subprotocol]) -> Subprotocol | None:
        """Select the first of the client's offers that is known (WS-B1, WS-R1)."""
        for subprotocol in subprotocols:
            if subprotocol in self._known:
                return subprotocol
        offer = ", ".join(subprotocols) or "no subprotocol"
        raise NegotiationError(f"the client offers {offer}, this router speaks {', '.join(self._known)}")


class WebSocketServerHandshake(Handshake):
    """Waits for the client's request and answers it, if only with words."""

    __slots__ = ("_at_capacity", "_compression", "_origins", "_serializers")

    def __init__(
        self,
        serializers: Iterable[Serializer],
        compression: Compression,
        origins: Sequence[str | re.Pattern[str]] | None,
        at_capacity: bool,
    ) -> None:
        super().__init__()
        self._serializers = {serializer.subprotocol: serializer for serializer in serializers}
        self._origins = origins
        self._compression = compression
        self._at_capacity = at_capacity

    def not_http(self, octet: int) -> Exception:
        return RemoteProtocolError(f"no HTTP request: it begins with {guess(octet)}")

    def too_long(self, link: Link) -> None:
        with self._protocol() as protocol:
            words = f"the request has more than {LONGEST_HEAD} octets"
            _refuse(link, protocol, HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, words)

    def complete(self, link: Link, head: bytes, rest: bytes) -> None:
        with self._protocol() as protocol:
            protocol.receive_data(head)
            self._answer(link, protocol)
        if rest and link.is_open:
            link.pass_on(rest)

    @contextmanager
    def _protocol(self) -> Iterator[_Protocol]:
        protocol = _Protocol(self._serializers, extensions=[_DEFLATE_FACTORY] if self._compression else None)
        with closing(protocol.parser):
            yield protocol

    def _answer(self, link: Link, protocol: ServerProtocol) -> None:
        requests = protocol.events_received()
        if not requests:
            _refuse_malformed(link, protocol)
            return
        request = cast("Request", requests[0])
        refusal = self._refusal(request)
        if refusal is not None:
            _refuse(link, protocol, *refusal)
            return
        link.peer_details["http"] = {"path": request.path, "headers": joined(request.headers.raw_items())}
        response = protocol.accept(request)
        link.queue(response.serialize())
        if response.status_code == HTTPStatus.SWITCHING_PROTOCOLS:
            self._open(link, protocol)
        else:
            assert protocol.handshake_exc is not None
            link.fail(ConnectError(f"WebSocket client refused: {explain(protocol.handshake_exc)}"))

    def _refusal(self, request: Request) -> tuple[HTTPStatus, str] | None:
        """Return what speaks against the client before its WebSocket headers are looked at."""
        if "Upgrade" not in request.headers:
            text = "this is a WAMP router: connect with a WAMP client over WebSocket, not with plain HTTP"
            return HTTPStatus.UPGRADE_REQUIRED, text
        if self._at_capacity:
            return HTTPStatus.SERVICE_UNAVAILABLE, "too many connections"
        if not may_connect(request.headers.get_all("Origin"), request.headers.get_all("Host"), self._origins):
            return HTTPStatus.FORBIDDEN, f"web pages of {', '.join(request.headers.get_all('Origin'))} may not connect"
        return None

    def _open(self, link: Link, protocol: ServerProtocol) -> None:
        serializer = self._serializers[protocol.subprotocol or ""]
        deflate = negotiated(protocol.extensions)
        framing = WebSocketMessages(
            is_binary=serializer.is_binary,
            masker=None,
            decoder=FrameDecoder(is_masked=True, deflate=deflate),
            deflate=deflate,
        )
        limit = link.max_send_size
        wire_format = ("websocket", serializer, limit) if deflate is None else None
        link.opened(framing, serializer, max_send_size=limit, wire_format=wire_format)


def _refuse_malformed(link: Link, protocol: ServerProtocol) -> None:
    assert protocol.handshake_exc is not None
    words = explain(protocol.handshake_exc)
    response = b"".join(protocol.data_to_send())  # nothing if the request is beyond understanding
    if response:
        link.queue(response)
        link.fail(ConnectError(f"WebSocket client refused: {words}"))
    else:
        _refuse(link, protocol, HTTPStatus.BAD_REQUEST, words)


def _refuse(link: Link, protocol: ServerProtocol, status: HTTPStatus, text: str) -> None:
    response = protocol.reject(status, text + "\n")
    if status == HTTPStatus.UPGRADE_REQUIRED:
        response.headers["Upgrade"] = "websocket"
    link.queue(response.serialize())
    link.fail(ConnectError(f"WebSocket client refused: {readable(text)}"))
