"""Connecting to routers on Twisted."""

from __future__ import annotations

import functools
import socket
from collections.abc import Callable, Mapping
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, TCP4ClientEndpoint, UNIXClientEndpoint
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator, IStreamClientEndpoint
from twisted.internet.protocol import Factory
from twisted.internet.threads import deferToThreadPool
from zope.interface import implementer  # type: ignore[import-untyped]

from ..wamp._configured import ConfiguredFactory
from ..wamp._transports import Endpoint, TransportConfig
from ._connection import TwistedConnection
from ._proxy import ProxyEndpoint

_FAMILIES: Final = {4: socket.AF_INET, 6: socket.AF_INET6}


class _ClientFactory(ConfiguredFactory, Factory):
    noisy = False

    def __init__(self, reactor: Any, config: TransportConfig, make_session: Callable[[], Any]) -> None:
        super().__init__(config, make_session)
        self.reactor = reactor

    def buildProtocol(self, addr: Any) -> Any:  # noqa: ARG002
        connection = TwistedConnection()
        connection.factory = self
        self.set_up(connection)
        return connection


@implementer(IOpenSSLClientConnectionCreator)
class _FromOptions:
    """Makes TLS connections with the trust that `CertificateOptions` hold."""

    def __init__(self, options: Any, hostname: str) -> None:
        self._options = options
        self._hostname = hostname

    def clientConnectionForTLS(self, tlsProtocol: Any) -> Any:
        from OpenSSL import SSL  # noqa: PLC0415  # needed for TLS only

        connection = SSL.Connection(self._options.getContext(), None)
        connection.set_app_data(tlsProtocol)
        connection.set_connect_state()
        if self._hostname:
            connection.set_tlsext_host_name(self._hostname.encode("idna"))
        return connection


def check_endpoint(endpoint: Endpoint) -> None:
    """Take an endpoint that Twisted can connect to.

    Raises:
        ValueError: It is none.
    """
    tls = endpoint.tls
    if tls is None or isinstance(tls, bool | Mapping) or IOpenSSLClientConnectionCreator.providedBy(tls):
        return
    from twisted.internet import ssl  # noqa: PLC0415  # needs pyOpenSSL, as whoever made the object had

    if not isinstance(tls, ssl.CertificateOptions):
        raise ValueError(f"on Twisted tls is True, False, a dictionary, CertificateOptions or a creator, not {tls!r}")


def connect(reactor: Any, config: TransportConfig, make_session: Callable[[], Any]) -> Deferred[Any]:
    """Connect; the session is made when the transport handshake is done.

    Args:
        reactor: The reactor.
        config: The transport.
        make_session: Makes the session.

    Returns:
        A Deferred of the connection.
    """
    endpoint = config.endpoint.native or _endpoint(reactor, config)
    factory: Any = _ClientFactory(reactor, config, make_session)
    creator = _tls_creator(config) if config.endpoint.native is None else None
    connecting: Deferred[Any]
    if creator is None:
        connecting = endpoint.connect(factory)
    else:
        from twisted.protocols.tls import TLSMemoryBIOFactory  # noqa: PLC0415  # needs pyOpenSSL

        connecting = endpoint.connect(TLSMemoryBIOFactory(creator, True, factory, reactor))
        connecting.addCallback(lambda wrapper: wrapper.wrappedProtocol)
    return connecting


def _endpoint(reactor: Any, config: TransportConfig) -> Any:
    endpoint = config.endpoint
    if endpoint.path is not None:
        return UNIXClientEndpoint(reactor, endpoint.path, timeout=endpoint.timeout)  # type: ignore[no-untyped-call]
    host, port = config.proxy or (endpoint.host, endpoint.port)
    if config.proxy is not None:
        proxy = HostnameEndpoint(reactor, host, port, timeout=endpoint.timeout)
        return ProxyEndpoint(reactor, proxy, str(endpoint), endpoint.timeout)
    make = HostnameEndpoint if endpoint.version is None else functools.partial(_OneVersionEndpoint, endpoint.version)
    return make(reactor, host, port, timeout=endpoint.timeout)


@implementer(IStreamClientEndpoint)
class _OneVersionEndpoint:
    """Connects to the first address that a host has in one version of IP."""

    def __init__(self, version: int, reactor: Any, host: str, port: int, timeout: float) -> None:
        self._family = _FAMILIES[version]
        self._reactor = reactor
        self._host = host
        self._port = port
        self._timeout = timeout

    def connect(self, protocolFactory: Any) -> Deferred[Any]:
        """Connect."""

        def found(addresses: list[Any]) -> Any:
            host = addresses[0][4][0]
            endpoint: Any = TCP4ClientEndpoint(self._reactor, host, self._port, self._timeout)
            return endpoint.connect(protocolFactory)

        look_up = functools.partial(socket.getaddrinfo, self._host, self._port, self._family, socket.SOCK_STREAM)
        looking: Deferred[Any] = deferToThreadPool(self._reactor, self._reactor.getThreadPool(), look_up)
        return looking.addCallback(found)


def _tls_creator(config: TransportConfig) -> Any:
    tls = config.endpoint.tls
    if tls is False or (tls is None and not config.is_secure):
        return None
    from twisted.internet import ssl  # noqa: PLC0415  # needs pyOpenSSL, and without TLS nobody else does

    if isinstance(tls, ssl.CertificateOptions):
        return _FromOptions(tls, config.hostname)
    if IOpenSSLClientConnectionCreator.providedBy(tls):
        return tls
    if isinstance(tls, Mapping):
        trust = None
        if tls.get("trust_root"):
            with open(tls["trust_root"], "rb") as file:  # noqa: PTH123
                trust = ssl.Certificate.loadPEM(file.read())
        return ssl.optionsForClientTLS(tls.get("hostname") or config.hostname, trustRoot=trust)
    return ssl.optionsForClientTLS(config.hostname)
