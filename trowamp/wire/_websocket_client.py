"""The client side of WebSocket (checklist §1.1)."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final, cast

from websockets.client import ClientProtocol
from websockets.exceptions import InvalidHeaderValue, InvalidURI
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
from websockets.typing import Origin, Subprotocol
from websockets.uri import parse_uri

from .._exceptions import ConnectError
from ._frames import FrameDecoder, FrameMasker
from ._guess import guess
from ._link import DEFAULT_MAX_SIZE, Link
from ._websocket_handshake import LOGGER, Compression, Handshake, check_compression, explain, negotiated
from ._websocket_messages import WebSocketMessages

if TYPE_CHECKING:
    from websockets.http11 import Request

    from .serializers import Serializer

_HEADER_NAME: Final = re.compile(r"[-!#$%&'*+.^_`|~0-9a-zA-Z]+")
_OWN_HEADERS: Final = frozenset({"connection", "upgrade"})  # and Sec-WebSocket-*: part of the handshake itself


def websocket_client(
    url: str,
    serializers: Iterable[Serializer],
    *,
    random_octets: Callable[[int], bytes],
    headers: Iterable[tuple[str, str]] = (),
    origin: str | None = None,
    compression: Compression = None,
    max_size: int = DEFAULT_MAX_SIZE,
    max_send_size: int | None = None,
) -> Link:
    """Make the client side of a WebSocket connection.

    Args:
        url: The router's URL, `ws://…` or `wss://…`; user and password in it become an Authorization header.
        serializers: What to offer, in order of preference.
        random_octets: Source of the handshake's key and the frames' masks, such as `secrets.token_bytes`; must be unpredictable (RFC 6455 §10.3).
        headers: More HTTP headers for the handshake; they replace those of the same name.
        origin: Value of the Origin header, which browsers send; None sends none.
        compression: "deflate" offers permessage-deflate.
        max_size: Octets accepted for one incoming message, fragments joined and inflated.
        max_send_size: Octets a message may have on its way out, as WebSocket peers do not tell; the same as `max_size` if None.

    Raises:
        ValueError: `url`, `headers`, `compression` or `serializers` cannot be used; the text says why.
    """
    check_compression(compression)
    offer = {serializer.subprotocol: serializer for serializer in serializers}
    if not offer:
        raise ValueError("at least one serializer is needed")
    try:
        uri = parse_uri(url)
    except InvalidURI as error:
        raise ValueError(str(error)) from None
    protocol = ClientProtocol(
        uri,
        origin=cast("Origin | None", origin),
        extensions=[ClientPerMessageDeflateFactory()] if compression else None,
        subprotocols=[Subprotocol(name) for name in offer],
        max_size=None,
        logger=LOGGER,
    )
    protocol.key = base64.b64encode(random_octets(16)).decode()
    request = protocol.connect()
    _add_headers(request, headers)
    handshake = _ClientHandshake(protocol, request.serialize(), offer, FrameMasker(random_octets))
    return Link(handshake, max_size=max_size, max_send_size=max_send_size)


def _add_headers(request: Request, headers: Iterable[tuple[str, str]]) -> None:
    added = list(headers)
    for name in {name.lower() for name, _ in added}:
        if name in _OWN_HEADERS or name.startswith("sec-websocket-") or not _HEADER_NAME.fullmatch(name):
            raise ValueError(f"the header {name!r} cannot be set")
        if name in request.headers:
            del request.headers[name]
    for name, value in added:
        try:
            request.headers[name] = value
        except InvalidHeaderValue:
            raise ValueError(f"the value of the header {name!r} holds characters that HTTP forbids") from None


class _ClientHandshake(Handshake):
    """Sends the request first, then waits for the router's answer."""

    __slots__ = ("_is_refused", "_masker", "_offer", "_protocol", "_request")

    def __init__(
        self, protocol: ClientProtocol, request: bytes, offer: dict[str, Serializer], masker: FrameMasker
    ) -> None:
        super().__init__()
        self._protocol = protocol
        self._request = request
        self._offer = offer
        self._masker = masker
        self._is_refused = False  # the head is there and says no; the rest is an explanation

    def start(self, link: Link) -> None:
        link.queue(self._request)

    def receive(self, link: Link, data: bytes) -> None:
        if self._is_refused:
            self._protocol.receive_data(data)
            self._look_at_answer(link)
        else:
            super().receive(link, data)

    def receive_eof(self, link: Link) -> None:
        if self._is_refused:  # the end of the stream may be the end of the explanation
            self._protocol.receive_eof()
            self._look_at_answer(link)
        else:
            super().receive_eof(link)

    def not_http(self, octet: int) -> Exception:
        return ConnectError(f"the router does not speak HTTP: its answer begins with {guess(octet)}")

    def too_long(self, link: Link) -> None:
        link.fail(ConnectError("the router's answer to the WebSocket handshake is too long"))

    def complete(self, link: Link, head: bytes, rest: bytes) -> None:
        if head.startswith(b"HTTP/1.1 101 "):
            self._protocol.receive_data(head)
        else:
            self._is_refused = True
            self._protocol.receive_data(head + rest)
        self._look_at_answer(link)
        if link.is_open and rest:
            link.pass_on(rest)

    def _look_at_answer(self, link: Link) -> None:
        error = self._protocol.handshake_exc
        if error is not None:
            link.fail(ConnectError(explain(error)))
        elif self._protocol.events_received():
            self._open(link)

    def _open(self, link: Link) -> None:
        serializer = self._offer.get(self._protocol.subprotocol or "")
        if serializer is None:  # WS-C1
            link.fail(ConnectError(f"the server speaks no WAMP: it selected none of {', '.join(self._offer)}"))
            return
        deflate = negotiated(self._protocol.extensions)
        framing = WebSocketMessages(
            is_binary=serializer.is_binary,
            masker=self._masker,
            decoder=FrameDecoder(is_masked=False, deflate=deflate),
            deflate=deflate,
        )
        link.opened(framing, serializer, max_send_size=link.max_send_size, wire_format=None)
