"""Connecting to routers on Twisted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, UNIXClientEndpoint
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from twisted.internet.protocol import Factory
from zope.interface import implementer  # type: ignore[import-untyped]

from ..wamp._configured import ConfiguredFactory
from ..wamp._transports import TransportConfig
from ._connection import TwistedConnection
from ._proxy import ProxyEndpoint


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


def connect(reactor: Any, config: TransportConfig, make_session: Callable[[], Any]) -> Deferred[Any]:
    """Connect; the session is made when the transport handshake is done.

    Args:
        reactor: The reactor.
        config: The transport.
        make_session: Makes the session.

    Returns:
        A Deferred of the connection.

    Raises:
        RuntimeError: The TLS configuration is none of Twisted's.
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
    found: Any = HostnameEndpoint(reactor, host, port, timeout=endpoint.timeout)
    if config.proxy is not None:
        found = ProxyEndpoint(found, str(endpoint))
    return found


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
    if tls in (None, True):
        return ssl.optionsForClientTLS(config.hostname)
    raise RuntimeError(f"on Twisted tls is True, False, a dictionary, CertificateOptions or a creator, not {tls!r}")
