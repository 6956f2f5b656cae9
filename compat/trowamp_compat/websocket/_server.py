"""The server's side of the opening handshake."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from html import escape
from http import HTTPStatus
from typing import Any, ClassVar, Final
from urllib.parse import parse_qs, urlsplit

from trowamp.wire.websocket import (
    Extension,
    OpeningRefused,
    PlainRequest,
    ServerOpening,
    UpgradeRequest,
    acceptance,
    refusal,
)

from ._connection import WebSocketProtocol
from ._state import Wire
from .compress import PERMESSAGE_COMPRESSION_EXTENSION, PerMessageCompressOfferAccept
from .types import ConnectionAccept, ConnectionDeny, ConnectionRequest

__all__ = ["WebSocketServerProtocol"]

_MOST_EARLY: Final = 2**16  # octets of a client that does not wait for the answer to its request

_STATUS: Final = """<!DOCTYPE html>
<html><head><meta charset="utf-8">{redirect}<title>{server}</title></head>
<body><h1>{server}</h1><p>This is a WebSocket server: connect with WebSocket, not with plain HTTP.</p></body></html>
"""


class WebSocketServerProtocol(WebSocketProtocol):
    """The server's side of one connection.

    Attributes:
        http_headers: The request's headers by their names in lower case.
        http_request_uri: What was asked for: path and query.
        http_request_path: Its path.
        http_request_params: Its query: lists of values by their names.
        http_request_host: The host that was asked for, without port.
        websocket_protocols: The subprotocols offered.
        websocket_origin: The origin of the web page that connects, or None.
    """

    is_server: ClassVar[bool] = True

    http_request_uri: str = "/"
    http_request_path: str = "/"
    http_request_params: dict[str, list[str]]
    http_request_host: str = ""
    websocket_origin: str | None = None

    versions: list[int]
    webStatus: bool
    requireMaskedClientFrames: bool
    maskServerFrames: bool
    allowedOriginsPatterns: list[Any]
    allowNullOrigin: bool
    maxConnections: int
    trustXForwardedFor: int
    perMessageCompressionAccept: Callable[[list[Any]], Any]

    _opening: ServerOpening
    _request: UpgradeRequest | None = None
    _early: bytes = b""
    _is_counted = False

    def onConnect(self, request: ConnectionRequest) -> Any:
        """A client asks for a connection.

        Args:
            request: What it asks for.

        Returns:
            None; or the subprotocol to use; or that, which may be None, and more headers for the answer; or a `ConnectionAccept`; or a future of the
            framework for one of those.

        Raises:
            ConnectionDeny: To refuse it.
        """

    def _connected(self, wire: Wire) -> None:
        super()._connected(wire)
        self._opening = ServerOpening(self.versions)
        self.factory.countConnections += 1
        self._is_counted = True

    def _lost(self) -> None:
        if self._is_counted:
            self._is_counted = False
            self.factory.countConnections -= 1
        super()._lost()

    def _shake_hands(self, data: bytes) -> None:
        if self._request is not None:
            self._early += data
            if len(self._early) > _MOST_EARLY:
                self._drop("the client sends too much before its request is answered")
            return
        try:
            request = self._opening.receive_data(data)
        except OpeningRefused as refused:
            self.failHandshake(refused.reason, refused.status, refused.headers)
            return
        if isinstance(request, PlainRequest):
            self._plain(request)
        elif request is not None:
            self._asked(request)

    def _plain(self, request: PlainRequest) -> None:
        self.http_headers = request.headers
        if self.webStatus:
            self.sendServerStatus()
            self.wasNotCleanReason = "the client asked for a web page"
            self.dropConnection()
        else:
            self.failHandshake("this is a WebSocket server", 426, {"Upgrade": "websocket"})

    def _asked(self, request: UpgradeRequest) -> None:
        self._request = request
        self._early = self._opening.rest
        try:
            self._remember(request)
            is_allowed = self._is_origin_allowed(request.origin)
        except ValueError as error:  # of a host, a port, an address that is none
            self.failHandshake(f"not a URL: {error}")
            return
        if self.maxConnections and self.factory.countConnections > self.maxConnections:
            self.failHandshake("maximum number of connections reached", 503)
        elif not is_allowed:
            self.failHandshake(f"the origin {request.origin!r} is not allowed", 403)
        else:
            asked = ConnectionRequest(
                self.peer or "",
                self.http_headers,
                self.http_request_host,
                self.http_request_path,
                self.http_request_params,
                self.websocket_version,
                self.websocket_origin,
                self.websocket_protocols,
                self.websocket_extensions,
            )
            self._ask_user(asked)

    def _remember(self, request: UpgradeRequest) -> None:
        parts = urlsplit(request.target)
        self.http_headers = request.headers
        self.http_request_uri = request.target
        self.http_request_path = parts.path or "/"
        self.http_request_params = parse_qs(parts.query)
        self.http_request_host = urlsplit(f"//{request.host}").hostname or request.host
        self.websocket_version = request.version
        self.websocket_origin = request.origin
        self.websocket_protocols = request.protocols
        self.websocket_extensions = [(name, by_name(parameters)) for name, parameters in request.extensions]
        forwarded = request.headers.get("x-forwarded-for", "").split(",")
        if self.trustXForwardedFor and len(forwarded) >= self.trustXForwardedFor:
            self.peer = forwarded[-self.trustXForwardedFor].strip() or self.peer
        if self.transport_details is not None:
            self.transport_details.http_headers_received = request.headers

    def _is_origin_allowed(self, origin: str | None) -> bool:
        if origin is None:
            return True
        if origin.lower() == "null":
            return self.allowNullOrigin
        names = (origin, _with_port(origin))
        return any(pattern.fullmatch(name) for pattern in self.allowedOriginsPatterns for name in names)

    def _ask_user(self, asked: ConnectionRequest) -> None:
        try:
            answer = self.onConnect(asked)
        except Exception as error:  # noqa: BLE001  # the client is refused
            self._denied(error)
            return
        if self._listeners:
            self.fire("connect", asked)
        future = None if answer is None else self._face.future_of(answer)
        if future is None:
            self._accept(answer)
        else:
            self._face.when_done(future, self._accept, self._denied)

    def _denied(self, error: BaseException) -> None:
        if isinstance(error, ConnectionDeny):
            self.failHandshake(error.reason or "connection denied", error.code)
            return
        self._face.unhandled(error, f"{type(self).__name__}.onConnect failed: {error!r}")
        self.failHandshake("internal server error", 500)

    def _accept(self, answer: Any) -> None:
        if self.state != self.STATE_CONNECTING or self._request is None:
            return
        try:
            protocol, headers = _read_answer(answer)
            accepted = self._accepted_compression(self._request.extensions)
            fields = [("Server", self.factory.server)] if self.factory.server else []
            fields += header_fields(self.factory.headers) + header_fields(headers)
            extensions = [] if accepted is None else [accepted.get_extension_string()]
            response = acceptance(self._request, protocol=protocol, extensions=extensions, headers=fields)
        except Exception as error:  # noqa: BLE001  # the client is refused
            self._denied(error)
            return
        self.websocket_protocol_in_use = protocol
        self._send_head(response)
        in_use = []
        if accepted is not None:
            agreed = PERMESSAGE_COMPRESSION_EXTENSION[accepted.EXTENSION_NAME]["PMCE"]
            in_use = [agreed.create_from_offer_accept(True, accepted)]
        self._opens(in_use, is_masking=self.maskServerFrames, accepts_both=not self.requireMaskedClientFrames)
        if self.transport_details is not None:
            self.transport_details.websocket_protocol = protocol
            self.transport_details.http_headers_sent = headers
        early, self._early = self._early, b""
        self._opened(early)

    def _accepted_compression(self, extensions: list[Extension]) -> Any:
        offers = []
        for name, parameters in extensions:
            if name in PERMESSAGE_COMPRESSION_EXTENSION:
                try:
                    offers.append(PERMESSAGE_COMPRESSION_EXTENSION[name]["Offer"].parse(by_name(parameters)))
                except Exception as error:  # noqa: BLE001  # such an offer is declined (RFC 7692 §7.1)
                    self.log.debug("declining an offer of compression: {error}", error=error)
        accepted = self.perMessageCompressionAccept(offers) if offers else None
        if accepted is not None and not isinstance(accepted, PerMessageCompressOfferAccept):
            raise TypeError(f"perMessageCompressionAccept returned {accepted!r}")
        return accepted

    # HTTP

    def failHandshake(self, reason: str, code: int = 400, responseHeaders: Any = None) -> None:
        """Refuse the client.

        Args:
            reason: Words for it.
            code: The HTTP status.
            responseHeaders: More headers, as a dictionary or as pairs.
        """
        self.wasNotCleanReason = reason
        self.log.debug("refusing the client {peer} ({code}): {reason}", peer=self.peer, code=code, reason=reason)
        self.sendHttpErrorResponse(code, reason, responseHeaders)
        self.dropConnection()

    def sendHttpErrorResponse(self, code: int, reason: str, responseHeaders: Any = None) -> None:
        """Answer with an HTTP status; line breaks in `reason` become blanks."""
        self._send_head(refusal(code, " ".join(reason.split()), headers=header_fields(responseHeaders)))

    def sendHtml(self, html: str) -> None:
        """Answer with a web page."""
        self._send_head(refusal(200, "OK", body=html, headers=[("Content-Type", "text/html; charset=UTF-8")]))

    def sendRedirect(self, url: str) -> None:
        """Answer with a redirect.

        Raises:
            ValueError: The URL cannot stand in a header.
        """
        self._send_head(refusal(HTTPStatus.SEE_OTHER, "See Other", headers=[("Location", url)]))

    def sendServerStatus(self, redirectUrl: str | None = None, redirectAfter: int = 0) -> None:
        """Answer with a web page that says what this is.

        Args:
            redirectUrl: Where to go from there.
            redirectAfter: After how many seconds.
        """
        redirect = (
            f'<meta http-equiv="refresh" content="{redirectAfter};URL={escape(redirectUrl)}">' if redirectUrl else ""
        )
        self.sendHtml(_STATUS.format(redirect=redirect, server=escape(self.factory.server or "WebSocket")))

    def _send_head(self, octets: bytes) -> None:
        self.trafficStats.preopenOutgoingOctetsWireLevel += len(octets)
        if self.logOctets:
            self.logTxOctets(octets, False)
        self._wire.write(octets)


def by_name(parameters: Iterable[tuple[str, str | None]]) -> dict[str, list[Any]]:
    """Return the parameters of an extension: lists of values by their names, with True for a parameter without value."""
    found: dict[str, list[Any]] = {}
    for name, value in parameters:
        found.setdefault(name, []).append(True if value is None else value)
    return found


def header_fields(headers: Any) -> list[tuple[str, str]]:
    """Return headers as pairs: from a dictionary, whose values may be lists of values, or from pairs."""
    items = headers.items() if isinstance(headers, Mapping) else headers or ()
    return [
        (name, str(value))
        for name, values in items
        for value in (values if isinstance(values, list | tuple) else [values])
    ]


def _read_answer(answer: Any) -> tuple[str | None, dict[str, Any]]:
    if answer is None or isinstance(answer, str):
        return answer, {}
    if isinstance(answer, ConnectionAccept):
        return answer.subprotocol, answer.headers
    if isinstance(answer, tuple) and len(answer) == 2:
        return answer[0], answer[1] or {}
    raise TypeError(f"onConnect returned {answer!r}")


def _with_port(origin: str) -> str:
    """Return an origin with its port, which browsers leave out if it is that of the scheme."""
    try:
        parts = urlsplit(origin)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return origin
    return f"{parts.scheme}://{parts.hostname}:{port}" if parts.hostname and port else origin
