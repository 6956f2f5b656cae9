"""The client's side of the opening handshake."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, ClassVar, Final

from trowamp.wire.websocket import (
    ClientOpening,
    Extension,
    HeadFinder,
    HttpError,
    OpeningRefused,
    UpgradeResponse,
    parse_head,
    serialize_head,
)

from ..wamp.types import TransportDetails
from ._connection import WebSocketProtocol, random_octets
from ._server import by_name, header_fields
from ._state import Wire
from .compress import PERMESSAGE_COMPRESSION_EXTENSION, PerMessageCompress, PerMessageCompressResponse
from .types import ConnectingRequest, ConnectionResponse

__all__ = ["WebSocketClientProtocol"]

_CONNECTED: Final = re.compile(r"HTTP/1\.[01] 2[0-9]{2}( .*)?")


class WebSocketClientProtocol(WebSocketProtocol):
    """The client's side of one connection.

    Attributes:
        http_headers: The answer's headers by their names in lower case.
    """

    is_server: ClassVar[bool] = False

    version: int
    acceptMaskedServerFrames: bool
    maskClientFrames: bool
    serverConnectionDropTimeout: float
    perMessageCompressionOffers: list[Any]
    perMessageCompressionAccept: Callable[[PerMessageCompressResponse], Any]

    _opening: ClientOpening | None = None
    _proxy_answer: HeadFinder | None = None
    _response: UpgradeResponse | None = None
    _early: bytes = b""

    def onConnecting(self, transport_details: TransportDetails) -> Any:
        """The connection is there, and nothing has been sent.

        Args:
            transport_details: What is known of it.

        Returns:
            None; or a `ConnectingRequest` to send instead of what the factory says; or a future of the framework for one of those.
        """

    def onConnect(self, response: ConnectionResponse) -> Any:
        """The server has accepted.

        Args:
            response: What it answered.

        Returns:
            None, or a future of the framework, which is waited for.
        """

    def _connected(self, wire: Wire) -> None:
        super()._connected(wire)
        if self.factory.proxy:
            self.startProxyConnect()
        else:
            self.startHandshake()

    # A proxy on the way

    def startProxyConnect(self) -> None:
        """Ask the proxy for a connection to the server."""
        self.state = self.STATE_PROXY_CONNECTING
        self._proxy_answer = HeadFinder()
        target = authority_of(self.factory.host, self.factory.port)
        self._wire.write(serialize_head(f"CONNECT {target} HTTP/1.1", [("Host", target)]))

    def _proxied(self, data: bytes, answer: HeadFinder) -> None:
        try:
            octets = answer.feed(data)
            if octets is None:
                return
            head = parse_head(octets)
        except HttpError as error:
            self.failProxyConnect(str(error))
            return
        if not _CONNECTED.fullmatch(head.line) or answer.rest:
            self.failProxyConnect(f"the proxy refuses: {head.line}")
            return
        self._proxy_answer = None
        self.state = self.STATE_CONNECTING
        if self.factory.isSecure:
            self._wire.start_tls(self, self._tls_started, lambda error: self.failProxyConnect(f"TLS failed: {error}"))
        else:
            self.startHandshake()

    def _tls_started(self) -> None:
        self._set_wire(self._wire)
        self.startHandshake()

    def failProxyConnect(self, reason: str) -> None:
        """Give up: the proxy does not connect."""
        self._drop(f"proxy connect failed: {reason}")

    # The handshake

    def startHandshake(self) -> None:
        """Ask the server for a connection."""
        details = self.transport_details or TransportDetails()
        try:
            wanted = self.onConnecting(details)
        except Exception as error:  # noqa: BLE001  # the connection is given up
            self._refused_by_user(error)
            return
        if self._listeners:
            self.fire("connecting", details)
        future = None if wanted is None else self._face.future_of(wanted)
        if future is None:
            self._ask(wanted)
        else:
            self._face.when_done(future, self._ask, self._refused_by_user)

    def _ask(self, wanted: Any) -> None:
        if self.state != self.STATE_CONNECTING:
            return
        factory = self.factory
        if wanted is None:
            wanted = ConnectingRequest(
                factory.host, factory.port, factory.resource, factory.headers, factory.useragent, factory.origin
            )
            wanted.protocols = factory.protocols
        try:
            if not isinstance(wanted, ConnectingRequest):
                raise TypeError(f"onConnecting returned {wanted!r}")
            agent = [("User-Agent", wanted.useragent)] if wanted.useragent else []
            self._opening = ClientOpening(
                random_octets(16),
                target=wanted.resource,
                host=_host_header(wanted, factory.isSecure),
                protocols=wanted.protocols,
                extensions=[offer.get_extension_string() for offer in self.perMessageCompressionOffers],
                origin=wanted.origin,
                headers=agent + header_fields(wanted.headers),
                version=self.SPEC_TO_PROTOCOL_VERSION[self.version],
            )
        except Exception as error:  # noqa: BLE001  # the connection is given up
            self._refused_by_user(error)
            return
        self.websocket_version = self.SPEC_TO_PROTOCOL_VERSION[self.version]
        self.websocket_protocols = wanted.protocols
        self._send_request(self._opening.request)

    def _send_request(self, request: bytes) -> None:
        self.trafficStats.preopenOutgoingOctetsWireLevel += len(request)
        if self.logOctets:
            self.logTxOctets(request, False)
        self._wire.write(request)

    def _shake_hands(self, data: bytes) -> None:
        if self._proxy_answer is not None:
            self._proxied(data, self._proxy_answer)
        elif self._response is not None:
            self._early += data  # onConnect takes its time
        elif self._opening is None:
            self._drop("the server sends something before it is asked")
        else:
            self._answered(data, self._opening)

    def _answered(self, data: bytes, opening: ClientOpening) -> None:
        try:
            response = opening.receive_data(data)
        except OpeningRefused as refused:
            status = f" [{refused.status}]" if refused.status else ""
            self.failHandshake(f"WebSocket connection upgrade failed{status}: {refused.reason}")
            return
        if response is None:
            return
        self._response = response
        self._early = opening.rest
        self.http_headers = response.headers
        self.websocket_extensions = [(name, by_name(parameters)) for name, parameters in response.extensions]
        if self.transport_details is not None:
            self.transport_details.http_headers_received = response.headers
            self.transport_details.websocket_protocol = response.protocol
        try:
            in_use = self._agreed_compression(response.extensions)
        except Exception as error:  # noqa: BLE001  # the connection is given up
            self.failHandshake(str(error))
            return
        self.websocket_protocol_in_use = response.protocol
        self._opens(in_use, is_masking=self.maskClientFrames, accepts_both=self.acceptMaskedServerFrames)
        self.state = self.STATE_CONNECTING
        self._tell_user(response)

    def _agreed_compression(self, extensions: list[Extension]) -> list[PerMessageCompress]:
        if not extensions:
            return []
        name, parameters = extensions[0]
        if len(extensions) > 1 or name not in PERMESSAGE_COMPRESSION_EXTENSION:
            raise ValueError(
                f"the server selected extensions that were not offered: {', '.join(n for n, _ in extensions)}"
            )
        classes = PERMESSAGE_COMPRESSION_EXTENSION[name]
        response = classes["Response"].parse(by_name(parameters))
        if not any(response.answers(offer) for offer in self.perMessageCompressionOffers):
            raise ValueError("the server selected a compression that was not offered")
        accepted = self.perMessageCompressionAccept(response)
        if not isinstance(accepted, classes["ResponseAccept"]):
            raise TypeError("the compression that the server selected was denied by the client")
        return [classes["PMCE"].create_from_response_accept(False, accepted)]

    def _tell_user(self, response: UpgradeResponse) -> None:
        told = ConnectionResponse(
            self.peer or "", response.headers, self.websocket_version, response.protocol, self.websocket_extensions
        )
        try:
            answer = self.onConnect(told)
        except Exception as error:  # noqa: BLE001  # the connection is given up
            self._refused_by_user(error)
            return
        if self._listeners:
            self.fire("connect", told)
        future = None if answer is None else self._face.future_of(answer)
        if future is None:
            self._open_now(None)
        else:
            self._face.when_done(future, self._open_now, self._refused_by_user)

    def _open_now(self, _: Any) -> None:
        if self.state == self.STATE_CONNECTING:
            self.state = self.STATE_OPEN
            early, self._early = self._early, b""
            self._opened(early)

    def _refused_by_user(self, error: BaseException) -> None:
        self._face.unhandled(error, f"{type(self).__name__} refuses the connection: {error!r}")
        self.failHandshake(f"the client gives up: {error}")

    def failHandshake(self, reason: str) -> None:
        """Give up: the opening handshake does not succeed."""
        self._drop(reason)

    # The end

    def _await_drop(self) -> None:
        self._later("drop", self.serverConnectionDropTimeout, self._drop_is_late)

    def _drop_is_late(self) -> None:
        self._call(self.onServerConnectionDropTimeout)
        self._drop("WebSocket server did not drop the connection in time")


def authority_of(host: str, port: int | str) -> str:
    """Return host and port as HTTP has them."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _host_header(wanted: ConnectingRequest, is_secure: bool) -> str:
    if not isinstance(wanted.port, int):
        return "localhost"  # a socket in the file system
    if wanted.port == (443 if is_secure else 80):
        return authority_of(wanted.host, wanted.port).rpartition(":")[0]
    return authority_of(wanted.host, wanted.port)
