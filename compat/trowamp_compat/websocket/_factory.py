"""What makes the protocols of a server or client, and holds their options."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Final

import trowamp
from trowamp.wire.websocket import prepare

from .._option_checks import BOOL, COMMON_CHECKS, LIST, SECONDS, SIZE, TEXT, Check
from ..wamp._described import require
from ._connection import PreparedMessage, WebSocketProtocol
from ._server import header_fields
from .compress import PERMESSAGE_COMPRESSION_EXTENSION, PerMessageCompressResponse
from .util import parse_url

__all__ = ["WebSocketClientFactory", "WebSocketFactory", "WebSocketServerFactory"]

IDENT: Final = f"trowamp/{trowamp.__version__}"

_VERSION: Final[Check] = (lambda value: value in WebSocketProtocol.SPEC_TO_PROTOCOL_VERSION, "a version from 10 to 18")
_VERSIONS: Final[Check] = (
    lambda value: bool(value) and set(value) <= set(WebSocketProtocol.SUPPORTED_PROTOCOL_VERSIONS),
    "a list of 8 and 13",
)

_SERVER_CHECKS: Final[dict[str, Check]] = COMMON_CHECKS | {
    "versions": _VERSIONS,
    "webStatus": BOOL,
    "maskServerFrames": BOOL,
    "requireMaskedClientFrames": BOOL,
    "serveFlashSocketPolicy": BOOL,
    "flashSocketPolicy": TEXT,
    "allowedOrigins": LIST,
    "allowNullOrigin": BOOL,
    "maxConnections": SIZE,
    "trustXForwardedFor": SIZE,
}
_CLIENT_CHECKS: Final[dict[str, Check]] = COMMON_CHECKS | {
    "version": _VERSION,
    "acceptMaskedServerFrames": BOOL,
    "maskClientFrames": BOOL,
    "serverConnectionDropTimeout": SECONDS,
    "perMessageCompressionOffers": LIST,
}

_COMMON_DEFAULTS: Final[dict[str, Any]] = {
    "utf8validateIncoming": True,
    "applyMask": True,
    "maxFramePayloadSize": 0,
    "maxMessagePayloadSize": 0,
    "autoFragmentSize": 0,
    "failByDrop": True,
    "echoCloseCodeReason": False,
    "openHandshakeTimeout": 5,
    "closeHandshakeTimeout": 1,
    "tcpNoDelay": True,
    "autoPingInterval": 0,
    "autoPingTimeout": 0,
    "autoPingSize": 12,
    "autoPingRestartOnAnyTraffic": True,
}


class WebSocketFactory:
    """Base of both.

    Attributes:
        protocol: What is called to make a protocol.
        isServer: Whether it is a server's.
        url: The URL, or None.
        isSecure: Whether there is to be TLS.
        host: The URL's host.
        port: The URL's port, or the path of a socket.
        resource: The URL's path and query.
        path: The URL's path.
        params: The URL's query.
        logOctets: Whether octets are logged.
        logFrames: Whether frames are logged.
        trackTimings: Whether protocols track when things happen.
    """

    isServer: ClassVar[bool]
    OPTIONS: ClassVar[tuple[str, ...]]

    protocol: Callable[[], Any]
    logOctets: bool = False
    logFrames: bool = False
    trackTimings: bool = False

    url: str | None = None
    isSecure: bool = False
    host: Any = None
    port: Any = None
    resource: str | None = None
    path: str | None = None
    params: dict[str, list[str]]

    def prepareMessage(self, payload: bytes, isBinary: bool = False, doNotCompress: bool = False) -> PreparedMessage:
        """Frame a message once, to send it to many with `sendPreparedMessage`.

        Args:
            payload: The message; UTF-8 if it is not binary.
            isBinary: Whether it is binary.
            doNotCompress: Whether to leave it uncompressed.
        """
        return PreparedMessage(payload, isBinary, doNotCompress, prepare(payload, is_binary=isBinary))

    def _set_url(self, url: str | None) -> None:
        self.url = url
        parts = parse_url(url or "ws://localhost")
        self.isSecure, self.host, self.port, self.resource, self.path, self.params = parts

    def _set(self, checks: dict[str, Check], options: Mapping[str, Any]) -> None:
        """Set the options that are not None, all or none."""
        given = {name: value for name, value in options.items() if value is not None}
        for name, value in given.items():
            is_right, words = checks[name]
            require(is_right(value), f"{name} must be {words}, not {value!r}")
        vars(self).update(given)


def _headers(headers: Any) -> dict[str, Any]:
    require(headers is None or isinstance(headers, dict), "headers must be a dict")
    header_fields(headers)
    return headers or {}


def _protocols(protocols: Any) -> list[str]:
    require(protocols is None or isinstance(protocols, list | tuple), "protocols must be a list")
    return list(protocols or [])


class WebSocketServerFactory(WebSocketFactory):
    """Makes the protocols of a server.

    Attributes:
        protocols: The subprotocols it speaks; it is `onConnect` that chooses.
        server: Value of the Server header.
        headers: More headers for answers.
        externalPort: The port that clients see.
        countConnections: How many connections there are.
        allowedOriginsPatterns: What `allowedOrigins` comes to.
    """

    isServer: ClassVar[bool] = True
    OPTIONS: ClassVar[tuple[str, ...]] = (*_SERVER_CHECKS, "allowedOriginsPatterns", "logOctets", "logFrames")

    allowedOriginsPatterns: list[re.Pattern[str]]

    def __init__(
        self,
        url: str | None = None,
        protocols: list[str] | None = None,
        server: str | None = IDENT,
        headers: dict[str, Any] | None = None,
        externalPort: int | None = None,
    ) -> None:
        self.countConnections = 0
        self.setSessionParameters(url, protocols, server, headers, externalPort)
        self.resetProtocolOptions()

    def setSessionParameters(
        self,
        url: str | None = None,
        protocols: list[str] | None = None,
        server: str | None = None,
        headers: dict[str, Any] | None = None,
        externalPort: int | None = None,
    ) -> None:
        """Set what the constructor sets.

        Raises:
            ValueError: The URL is none.
            AssertionError: An argument is of the wrong type.
        """
        self._set_url(url)
        self.protocols = _protocols(protocols)
        self.server = server
        self.headers = _headers(headers)
        self.externalPort = externalPort or (self.port if url else None)

    def resetProtocolOptions(self) -> None:
        """Set all options as they are without `setProtocolOptions`."""
        vars(self).update(_COMMON_DEFAULTS)
        self.versions = list(WebSocketProtocol.SUPPORTED_PROTOCOL_VERSIONS)
        self.webStatus = True
        self.maskServerFrames = False
        self.requireMaskedClientFrames = True
        self.serveFlashSocketPolicy = False
        self.flashSocketPolicy = ""
        self.perMessageCompressionAccept = _decline
        self.allowedOrigins = ["*"]
        self.allowedOriginsPatterns = [re.compile(".*")]
        self.allowNullOrigin = True
        self.maxConnections = 0
        self.trustXForwardedFor = 0

    def setProtocolOptions(
        self,
        versions: list[int] | None = None,
        webStatus: bool | None = None,
        utf8validateIncoming: bool | None = None,
        maskServerFrames: bool | None = None,
        requireMaskedClientFrames: bool | None = None,
        applyMask: bool | None = None,
        maxFramePayloadSize: int | None = None,
        maxMessagePayloadSize: int | None = None,
        autoFragmentSize: int | None = None,
        failByDrop: bool | None = None,
        echoCloseCodeReason: bool | None = None,
        openHandshakeTimeout: float | None = None,
        closeHandshakeTimeout: float | None = None,
        tcpNoDelay: bool | None = None,
        perMessageCompressionAccept: Callable[[list[Any]], Any] | None = None,
        autoPingInterval: float | None = None,
        autoPingTimeout: float | None = None,
        autoPingSize: int | None = None,
        autoPingRestartOnAnyTraffic: bool | None = None,
        serveFlashSocketPolicy: bool | None = None,
        flashSocketPolicy: str | None = None,
        allowedOrigins: list[str] | None = None,
        allowNullOrigin: bool | None = None,
        maxConnections: int | None = None,
        trustXForwardedFor: int | None = None,
    ) -> None:
        """Set options for the connections to come; None leaves one as it is (C-29).

        Args:
            versions: Versions of the protocol to accept: 8 and 13.
            webStatus: Whether plain HTTP is answered with a web page.
            utf8validateIncoming: Whether text must be UTF-8.
            maskServerFrames: Whether frames are sent with masks.
            requireMaskedClientFrames: Whether frames without masks are refused.
            applyMask: Whether masks that are sent hide anything; a mask that was received always counts.
            maxFramePayloadSize: Octets accepted for a frame; 0 for any.
            maxMessagePayloadSize: Octets accepted for a message, and sent; 0 for any, but 64 MiB where messages are compressed.
            autoFragmentSize: Octets for one frame of what is sent; 0 for any.
            failByDrop: Whether to end the connection without a closing handshake when the peer breaks a rule.
            echoCloseCodeReason: Whether a Close frame is answered with its own code and reason; otherwise with 1000.
            openHandshakeTimeout: Seconds for the opening handshake; 0 for any.
            closeHandshakeTimeout: Seconds for the closing handshake; 0 for any.
            tcpNoDelay: Whether small messages are sent at once.
            perMessageCompressionAccept: Called with the client's offers; returns an accept of `compress` or None.
            autoPingInterval: Seconds between automatic pings; 0 sends none.
            autoPingTimeout: Seconds for the answer; 0 for any.
            autoPingSize: Octets of a ping, 4 to 125.
            autoPingRestartOnAnyTraffic: Whether anything received counts as life.
            serveFlashSocketPolicy: No meaning any more.
            flashSocketPolicy: No meaning any more.
            allowedOrigins: Origins of web pages that may connect, with their ports; "*" stands for anything.
            allowNullOrigin: Whether web pages without a place of their own may connect.
            maxConnections: How many connections there may be; 0 for any.
            trustXForwardedFor: How many proxies there are that add to X-Forwarded-For.

        Raises:
            AssertionError: A value cannot be such an option; none was set.
        """
        self._set(_SERVER_CHECKS, {name: value for name, value in locals().items() if name in _SERVER_CHECKS})
        if allowedOrigins is not None:
            self.allowedOriginsPatterns = [_pattern(origin) for origin in allowedOrigins]

    def getConnectionCount(self) -> int:
        """Return how many connections there are."""
        return self.countConnections


class WebSocketClientFactory(WebSocketFactory):
    """Makes the protocols of a client.

    Attributes:
        origin: Value of the Origin header; None sends none.
        protocols: The subprotocols to offer, in order of preference.
        useragent: Value of the User-Agent header; None sends none.
        headers: More headers.
        proxy: A proxy to go through, `{"host": …, "port": …}`, or None.
    """

    isServer: ClassVar[bool] = False
    OPTIONS: ClassVar[tuple[str, ...]] = (*_CLIENT_CHECKS, "logOctets", "logFrames")

    def __init__(
        self,
        url: str | None = None,
        origin: str | None = None,
        protocols: list[str] | None = None,
        useragent: str | None = IDENT,
        headers: dict[str, Any] | None = None,
        proxy: dict[str, Any] | None = None,
    ) -> None:
        self.setSessionParameters(url, origin, protocols, useragent, headers, proxy)
        self.resetProtocolOptions()

    def setSessionParameters(
        self,
        url: str | None = None,
        origin: str | None = None,
        protocols: list[str] | None = None,
        useragent: str | None = None,
        headers: dict[str, Any] | None = None,
        proxy: dict[str, Any] | None = None,
    ) -> None:
        """Set what the constructor sets.

        Raises:
            ValueError: The URL is none.
            AssertionError: An argument is of the wrong type.
        """
        require(proxy is None or {"host", "port"} <= set(proxy), 'proxy must be {"host": …, "port": …}')
        self._set_url(url)
        self.origin = origin
        self.protocols = _protocols(protocols)
        self.useragent = useragent
        self.headers = _headers(headers)
        self.proxy = proxy

    def resetProtocolOptions(self) -> None:
        """Set all options as they are without `setProtocolOptions`."""
        vars(self).update(_COMMON_DEFAULTS)
        self.version = WebSocketProtocol.DEFAULT_SPEC_VERSION
        self.acceptMaskedServerFrames = False
        self.maskClientFrames = True
        self.serverConnectionDropTimeout = 1
        self.perMessageCompressionOffers: list[Any] = []
        self.perMessageCompressionAccept = _accept

    def setProtocolOptions(
        self,
        version: int | None = None,
        utf8validateIncoming: bool | None = None,
        acceptMaskedServerFrames: bool | None = None,
        maskClientFrames: bool | None = None,
        applyMask: bool | None = None,
        maxFramePayloadSize: int | None = None,
        maxMessagePayloadSize: int | None = None,
        autoFragmentSize: int | None = None,
        failByDrop: bool | None = None,
        echoCloseCodeReason: bool | None = None,
        serverConnectionDropTimeout: float | None = None,
        openHandshakeTimeout: float | None = None,
        closeHandshakeTimeout: float | None = None,
        tcpNoDelay: bool | None = None,
        perMessageCompressionOffers: list[Any] | None = None,
        perMessageCompressionAccept: Callable[[Any], Any] | None = None,
        autoPingInterval: float | None = None,
        autoPingTimeout: float | None = None,
        autoPingSize: int | None = None,
        autoPingRestartOnAnyTraffic: bool | None = None,
    ) -> None:
        """Set options for the connections to come; None leaves one as it is.

        Args:
            version: Version of the protocol to ask for; 18 is RFC 6455.
            utf8validateIncoming: Whether text must be UTF-8.
            acceptMaskedServerFrames: Whether frames with masks are accepted.
            maskClientFrames: Whether frames are sent with masks.
            applyMask: As for servers.
            maxFramePayloadSize: As for servers.
            maxMessagePayloadSize: As for servers.
            autoFragmentSize: As for servers.
            failByDrop: As for servers.
            echoCloseCodeReason: As for servers.
            serverConnectionDropTimeout: Seconds for the server to end the connection after the closing handshake; 0 for any.
            openHandshakeTimeout: As for servers.
            closeHandshakeTimeout: As for servers.
            tcpNoDelay: As for servers.
            perMessageCompressionOffers: What to offer, as offers of `compress`, in order of preference.
            perMessageCompressionAccept: Called with the server's response; returns an accept of `compress`, or None to give up.
            autoPingInterval: As for servers.
            autoPingTimeout: As for servers.
            autoPingSize: As for servers.
            autoPingRestartOnAnyTraffic: As for servers.

        Raises:
            AssertionError: A value cannot be such an option; none was set.
        """
        self._set(_CLIENT_CHECKS, {name: value for name, value in locals().items() if name in _CLIENT_CHECKS})


def _decline(_: list[Any]) -> None:
    return None


def _accept(response: PerMessageCompressResponse) -> Any:
    return PERMESSAGE_COMPRESSION_EXTENSION[response.EXTENSION_NAME]["ResponseAccept"](response)


def _pattern(origin: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in origin.split("*")))
