"""Through an HTTP proxy, with CONNECT."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectError
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer  # type: ignore[import-untyped]

_MAX_ANSWER = 16384  # octets


@implementer(IStreamClientEndpoint)
class ProxyEndpoint:
    """Connects to something by way of a proxy.

    Args:
        reactor: The reactor.
        proxy: The endpoint of the proxy.
        target: Host and port to connect to.
        timeout: Seconds for all of it.
    """

    def __init__(self, reactor: Any, proxy: Any, target: str, timeout: float) -> None:
        self._reactor = reactor
        self._proxy = proxy
        self._target = target
        self._timeout = timeout

    def connect(self, protocolFactory: Any) -> Deferred[Any]:
        """Connect; cancelling gives up, whatever the proxy does."""
        asking: list[_Proxied] = []

        def give_up(_: Any) -> None:
            reaching.cancel()
            for each in asking:
                each.transport.abortConnection()

        connected: Deferred[Any] = Deferred(give_up)

        def ask() -> _Proxied:
            asking.append(_Proxied(self._target, protocolFactory, connected))
            return asking[-1]

        def not_reached(failure: Failure) -> None:
            if not connected.called:
                connected.errback(failure)

        factory = Factory.forProtocol(ask)
        factory.noisy = False
        reaching = self._proxy.connect(factory)
        reaching.addErrback(not_reached)
        return connected.addTimeout(self._timeout, self._reactor, self._timed_out)

    def _timed_out(self, _failure: Any, timeout: float) -> None:
        raise TimeoutError(f"the proxy did not connect within {timeout:g} s")


class _Proxied(Protocol):
    """Asks the proxy, then passes everything on to the protocol behind it."""

    transport: Any = None

    def __init__(self, target: str, factory: Any, connected: Deferred[Any]) -> None:
        self._target = target
        self._factory = factory
        self._connected = connected
        self._octets = b""
        self._inner: Any = None

    def connectionMade(self) -> None:
        self.transport.write(f"CONNECT {self._target} HTTP/1.1\r\nHost: {self._target}\r\n\r\n".encode())

    def dataReceived(self, data: bytes) -> None:
        if self._inner is not None:
            self._inner.dataReceived(data)
            return
        self._octets += data
        head, end, rest = self._octets.partition(b"\r\n\r\n")
        if not end and len(head) < _MAX_ANSWER:
            return
        status = head.partition(b"\r\n")[0].decode(errors="replace")
        if status.split(" ")[1:2] != ["200"]:
            self._fail(ConnectError(string=f"the proxy answered {status!r}"))  # type: ignore[no-untyped-call]
            self.transport.loseConnection()
            return
        self._inner = self._factory.buildProtocol(self.transport.getPeer())
        self._inner.makeConnection(self.transport)
        self._connected.callback(self._inner)
        if rest:
            self._inner.dataReceived(rest)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self._inner is not None:
            self._inner.connectionLost(reason)
        else:
            self._fail(ConnectError(string="the proxy ended the connection"))  # type: ignore[no-untyped-call]

    def _fail(self, error: Exception) -> None:
        if not self._connected.called:
            self._connected.errback(Failure(error))  # type: ignore[no-untyped-call]
