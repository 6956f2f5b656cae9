"""WebSocket: links over it and their opening handshake (checklist §1.1).

HTTP, and the negotiation of subprotocol and compression, are done by the sans-I/O core of `websockets`; everything after it by
`WebSocketMessages`.
"""

from __future__ import annotations

import base64
import logging
import re
from collections.abc import Callable, Iterable, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, Literal, cast
from urllib.parse import urlsplit

from websockets.client import ClientProtocol
from websockets.exceptions import InvalidHeaderValue, InvalidStatus, InvalidURI, NegotiationError
from websockets.extensions.permessage_deflate import (
    ClientPerMessageDeflateFactory,
    PerMessageDeflate,
    ServerPerMessageDeflateFactory,
)
from websockets.server import ServerProtocol
from websockets.typing import Origin, Subprotocol
from websockets.uri import parse_uri

from .._exceptions import ConnectError, RemoteProtocolError
from ._deflate import Deflate
from ._frames import FrameDecoder, FrameMasker, encode_frame
from ._link import DEFAULT_MAX_SIZE, Framing, Link
from ._websocket_messages import WebSocketMessages

if TYPE_CHECKING:
    from websockets.http11 import Request, Response

    from .serializers import Serializer

Compression = Literal["deflate"] | None

_LONGEST_HEAD: Final = 65536  # octets of an HTTP request or response up to its empty line
_END_OF_HEAD: Final = re.compile(rb"\n\r?\n")
_HEADER_NAME: Final = re.compile(r"[-!#$%&'*+.^_`|~0-9a-zA-Z]+")
_OWN_HEADERS: Final = frozenset({"connection", "upgrade"})  # and Sec-WebSocket-*: part of the handshake itself
_LONGEST_QUOTE: Final = 300  # characters of what the peer said that are worth showing

# Disabled, and outside the tree of loggers: what there is to tell, the link tells its owner.
_LOGGER: Final = logging.Logger("trowamp.wire")  # noqa: LOG001
_LOGGER.disabled = True


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
        logger=_LOGGER,
    )
    protocol.key = base64.b64encode(random_octets(16)).decode()
    request = protocol.connect()
    _add_headers(request, headers)
    handshake = _ClientHandshake(protocol, request.serialize(), offer, FrameMasker(random_octets))
    return Link(handshake, max_size=max_size, max_send_size=max_send_size)


def websocket_server(
    serializers: Iterable[Serializer],
    *,
    max_size: int = DEFAULT_MAX_SIZE,
    max_send_size: int | None = None,
    compression: Compression = None,
    origins: Sequence[str | re.Pattern[str]] | None = None,
    path: str | None = None,
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
        path: The only request path to accept; None accepts all.
        at_capacity: Refuse the client, whoever it is, because there are too many connections.

    Raises:
        ValueError: `compression` is unknown.
    """
    check_compression(compression)
    handshake = WebSocketServerHandshake(serializers, compression, origins, path, at_capacity)
    return Link(handshake, max_size=max_size, max_send_size=max_send_size)


def check_compression(compression: str | None) -> None:
    """Refuse a compression that nobody knows, with ValueError."""
    if compression not in (None, "deflate"):
        raise ValueError(f"unknown compression {compression!r}; there is 'deflate'")


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


class _Handshake(Framing):
    """Collects the head of an HTTP message; both sides share this."""

    __slots__ = ("_head", "_searched")

    words = "WebSocket handshake"

    def __init__(self) -> None:
        self._head = bytearray()
        self._searched = 0  # octets of it that were looked through already

    def receive(self, link: Link, data: bytes) -> None:
        head = self._head
        head += data
        if not head[:1].isupper():  # both begin with a word in capitals: GET, HTTP
            link.fail(self.not_http(head[0]))
            return
        found = _END_OF_HEAD.search(head, max(0, self._searched - 3))
        self._searched = len(head)
        if found and found.end() <= _LONGEST_HEAD:
            self.complete(link, bytes(head[: found.end()]), bytes(head[found.end() :]))
        elif len(head) > _LONGEST_HEAD:
            self.too_long(link)

    def not_http(self, octet: int) -> Exception:
        raise NotImplementedError

    def complete(self, link: Link, head: bytes, rest: bytes) -> None:
        raise NotImplementedError

    def too_long(self, link: Link) -> None:
        raise NotImplementedError


class _ClientHandshake(_Handshake):
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
        return ConnectError(f"the router does not speak HTTP: its answer begins with {_guess(octet)}")

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
            link.fail(ConnectError(_explain(error)))
        elif self._protocol.events_received():
            self._open(link)

    def _open(self, link: Link) -> None:
        serializer = self._offer.get(self._protocol.subprotocol or "")
        if serializer is None:  # WS-C1
            link.fail(ConnectError(f"the server speaks no WAMP: it selected none of {', '.join(self._offer)}"))
            return
        deflate = _negotiated(self._protocol.extensions)
        framing = WebSocketMessages(
            is_binary=serializer.is_binary,
            encode_frame=self._masker.encode_frame,
            decoder=FrameDecoder(is_masked=False, deflate=deflate),
            deflate=deflate,
        )
        link.opened(framing, serializer, max_send_size=link.max_send_size, wire_format=None)


class WebSocketServerHandshake(_Handshake):
    """Waits for the client's request and answers it, if only with words."""

    __slots__ = ("_at_capacity", "_origins", "_path", "_protocol", "_serializers")

    def __init__(
        self,
        serializers: Iterable[Serializer],
        compression: Compression,
        origins: Sequence[str | re.Pattern[str]] | None,
        path: str | None,
        at_capacity: bool,
    ) -> None:
        super().__init__()
        self._serializers = {serializer.subprotocol: serializer for serializer in serializers}
        self._origins = origins
        self._path = path
        self._at_capacity = at_capacity
        self._protocol = ServerProtocol(
            extensions=[_DEFLATE_FACTORY] if compression else None,
            select_subprotocol=_first_known(self._serializers),
            max_size=None,
            logger=_LOGGER,
        )

    def not_http(self, octet: int) -> Exception:
        return RemoteProtocolError(f"no HTTP request: it begins with {_guess(octet)}")

    def too_long(self, link: Link) -> None:
        self._refuse(
            link, HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, f"the request has more than {_LONGEST_HEAD} octets"
        )

    def complete(self, link: Link, head: bytes, rest: bytes) -> None:
        protocol = self._protocol
        protocol.receive_data(head)
        requests = protocol.events_received()
        if not requests:
            self._refuse_malformed(link)
            return
        request = cast("Request", requests[0])
        refusal = self._refusal(request)
        if refusal is not None:
            self._refuse(link, *refusal)
            return
        response = protocol.accept(request)
        link.queue(response.serialize())
        if response.status_code == HTTPStatus.SWITCHING_PROTOCOLS:
            self._open(link)
            if rest:
                link.pass_on(rest)
        else:
            assert protocol.handshake_exc is not None
            link.fail(ConnectError(f"WebSocket client refused: {_explain(protocol.handshake_exc)}"))

    def _refusal(self, request: Request) -> tuple[HTTPStatus, str] | None:
        """Return what speaks against the client before its WebSocket headers are looked at."""
        if "Upgrade" not in request.headers:
            text = "this is a WAMP router: connect with a WAMP client over WebSocket, not with plain HTTP"
            return HTTPStatus.UPGRADE_REQUIRED, text
        if self._at_capacity:
            return HTTPStatus.SERVICE_UNAVAILABLE, "too many connections"
        if self._path is not None and request.path.partition("?")[0] != self._path:
            return HTTPStatus.NOT_FOUND, "there is nothing at this path"
        if not _is_allowed(request, self._origins):
            return HTTPStatus.FORBIDDEN, f"web pages of {', '.join(request.headers.get_all('Origin'))} may not connect"
        return None

    def _refuse_malformed(self, link: Link) -> None:
        assert self._protocol.handshake_exc is not None
        words = _explain(self._protocol.handshake_exc)
        response = b"".join(self._protocol.data_to_send())  # nothing if the request is beyond understanding
        if response:
            link.queue(response)
            link.fail(ConnectError(f"WebSocket client refused: {words}"))
        else:
            self._refuse(link, HTTPStatus.BAD_REQUEST, words)

    def _refuse(self, link: Link, status: HTTPStatus, text: str) -> None:
        response = self._protocol.reject(status, text + "\n")
        if status == HTTPStatus.UPGRADE_REQUIRED:
            response.headers["Upgrade"] = "websocket"
        link.queue(response.serialize())
        link.fail(ConnectError(f"WebSocket client refused: {text}"))

    def _open(self, link: Link) -> None:
        serializer = self._serializers[self._protocol.subprotocol or ""]
        deflate = _negotiated(self._protocol.extensions)
        framing = WebSocketMessages(
            is_binary=serializer.is_binary,
            encode_frame=encode_frame,
            decoder=FrameDecoder(is_masked=True, deflate=deflate),
            deflate=deflate,
        )
        limit = link.max_send_size
        wire_format = ("websocket", serializer, limit) if deflate is None else None
        link.opened(framing, serializer, max_send_size=limit, wire_format=wire_format)


# Small windows: a router has many connections, and each keeps two of them.
_DEFLATE_FACTORY: Final = ServerPerMessageDeflateFactory(server_max_window_bits=12, client_max_window_bits=12)


def _negotiated(extensions: Sequence[object]) -> Deflate | None:
    for extension in extensions:
        if isinstance(extension, PerMessageDeflate):
            return Deflate(extension)
    return None


def _first_known(known: dict[str, Serializer]) -> Callable[[ServerProtocol, Sequence[Subprotocol]], Subprotocol | None]:
    """Return how a server selects: the first of the client's offers that it knows (WS-B1, WS-R1)."""

    def select(_: ServerProtocol, offered: Sequence[Subprotocol]) -> Subprotocol | None:
        for subprotocol in offered:
            if subprotocol in known:
                return subprotocol
        offer = ", ".join(offered) or "no subprotocol"
        raise NegotiationError(f"the client offers {offer}, this router speaks {', '.join(known)}")

    return select


def _is_allowed(request: Request, origins: Sequence[str | re.Pattern[str]] | None) -> bool:
    found = request.headers.get_all("Origin")
    if not found:
        return True
    if len(found) > 1:
        return False
    origin = found[0]
    if origins is None:
        return _host_of(origin) in [_host_of(f"//{host}") for host in request.headers.get_all("Host")[:1]]
    return any(
        allowed in ("*", origin) if isinstance(allowed, str) else allowed.fullmatch(origin) is not None
        for allowed in origins
    )


def _guess(octet: int) -> str:
    """Return the first octet of something that is not HTTP, and what it may be."""
    hint = {0x15: ", as TLS does", 0x16: ", as TLS does", 0x7F: ", as RawSocket does"}.get(octet, "")
    return f"0x{octet:02X}{hint}"


def _host_of(url: str) -> str:
    try:
        return urlsplit(url).hostname or url
    except ValueError:
        return url


def _explain(error: BaseException) -> str:
    """Return why a handshake failed in words, with what lies beneath."""
    if isinstance(error, InvalidStatus):
        return _explain_status(error.response)
    words = str(error)
    while error.__cause__ is not None:
        error = error.__cause__
        words += f"; {error}"
    return _shorten(words)


def _explain_status(response: Response) -> str:
    text = f"the router refused the WebSocket handshake: HTTP {response.status_code} {response.reason_phrase}".rstrip()
    if 300 <= response.status_code < 400:
        return f"{text} to {', '.join(response.headers.get_all('Location'))}; redirects are not followed"
    body = " ".join(bytes(response.body[: 4 * _LONGEST_QUOTE]).decode(errors="replace").split())
    return f"{text}: {_shorten(body)}" if body else text


def _shorten(text: str) -> str:
    return text if len(text) <= _LONGEST_QUOTE else text[:_LONGEST_QUOTE] + "…"
