r"""Endpoints that carry any protocol of Twisted over WebSocket, and their strings, for example `autobahn:tcp\:9000:url=ws\://localhost\:9000`.

Twisted finds parsers in the package `twisted.plugins` alone, which is not ours to put a file into. So these `serverFromString` and `clientFromString`
know such strings; for Twisted's own to know them, a program puts instances of the two parsers into a `twisted/plugins/` of its own.
"""

from __future__ import annotations

import re
from typing import Any, Final

from twisted.internet import endpoints
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IStreamClientEndpoint,
    IStreamClientEndpointStringParserWithReactor,
    IStreamServerEndpoint,
    IStreamServerEndpointStringParser,
)
from twisted.plugin import IPlugin
from zope.interface import implementer  # type: ignore[import-untyped]

from ._wrapping import WrappingWebSocketClientFactory, WrappingWebSocketServerFactory

__all__ = [
    "AutobahnClientEndpoint",
    "AutobahnClientParser",
    "AutobahnServerEndpoint",
    "AutobahnServerParser",
    "clientFromString",
    "serverFromString",
]

_PREFIX: Final = "autobahn"
_endpoints: Any = endpoints  # which is not typed
_COMPRESS: Final = {"true": True, "false": False}


class _Endpoint:
    """Base of both.

    Args:
        reactor: The reactor.
        endpoint: The endpoint beneath.
        options: Arguments of the wrapping factory, by their names.
    """

    def __init__(self, reactor: Any, endpoint: Any, options: dict[str, Any]) -> None:
        self._reactor = reactor
        self._endpoint = endpoint
        self._options = options


@implementer(IStreamServerEndpoint)
class AutobahnServerEndpoint(_Endpoint):
    """Listens for protocols over WebSocket."""

    def listen(self, protocolFactory: Any) -> Any:
        """Listen; return a Deferred of the port."""
        return self._endpoint.listen(
            WrappingWebSocketServerFactory(protocolFactory, reactor=self._reactor, **self._options)
        )


@implementer(IStreamClientEndpoint)
class AutobahnClientEndpoint(_Endpoint):
    """Connects protocols over WebSocket."""

    def connect(self, protocolFactory: Any) -> Deferred[Any]:
        """Connect; return a Deferred of the protocol, which has its transport then."""
        factory = WrappingWebSocketClientFactory(protocolFactory, reactor=self._reactor, **self._options)
        connecting: Deferred[Any] = self._endpoint.connect(factory)
        return connecting.addCallback(lambda outer: outer.is_made).addCallback(lambda outer: outer.wrapped)


@implementer(IPlugin, IStreamServerEndpointStringParser)
class AutobahnServerParser:
    """Makes endpoints of a server."""

    prefix = _PREFIX

    def parseStreamServer(self, reactor: Any, *args: str, **kwargs: str) -> AutobahnServerEndpoint:
        """Make an endpoint.

        Args:
            reactor: The reactor.
            args: The string of the endpoint beneath.
            kwargs: `url`; `compress` ("true", "false"), `autofrag` (octets) and `subprotocol`, if there are any.

        Raises:
            ValueError: They are not that.
        """
        beneath, options = _read(args, kwargs)
        return AutobahnServerEndpoint(reactor, _endpoints.serverFromString(reactor, beneath), options)


@implementer(IPlugin, IStreamClientEndpointStringParserWithReactor)
class AutobahnClientParser:
    """Makes endpoints of a client."""

    prefix = _PREFIX

    def parseStreamClient(self, reactor: Any, *args: str, **kwargs: str) -> AutobahnClientEndpoint:
        """Make an endpoint, from what a server's is made from.

        Raises:
            ValueError: The arguments are not that.
        """
        beneath, options = _read(args, kwargs)
        return AutobahnClientEndpoint(reactor, _endpoints.clientFromString(reactor, beneath), options)


def serverFromString(reactor: Any, description: str) -> Any:
    """Return the endpoint of a server that a string describes; all that does not begin with "autobahn:" is Twisted's.

    Raises:
        ValueError: The string describes none.
    """
    if not description.startswith(f"{_PREFIX}:"):
        return _endpoints.serverFromString(reactor, description)
    args, kwargs = _split(description)
    return AutobahnServerParser().parseStreamServer(reactor, *args, **kwargs)


def clientFromString(reactor: Any, description: str) -> Any:
    """Return the endpoint of a client that a string describes; all that does not begin with "autobahn:" is Twisted's.

    Raises:
        ValueError: The string describes none.
    """
    if not description.startswith(f"{_PREFIX}:"):
        return _endpoints.clientFromString(reactor, description)
    args, kwargs = _split(description)
    return AutobahnClientParser().parseStreamClient(reactor, *args, **kwargs)


def _split(description: str) -> tuple[list[str], dict[str, str]]:
    r"""Take a string apart at the colons, and at the first equals sign of each part, where no "\" stands before them."""
    args, kwargs = [], {}
    for part in re.findall(r"(?:\\.|[^:\\])+", description)[1:]:
        key, equals, value = re.fullmatch(r"((?:\\.|[^=\\])*)(=?)(.*)", part, re.DOTALL).groups()  # type: ignore[union-attr]  # it fits anything
        if equals:
            kwargs[_unescaped(key)] = _unescaped(value)
        else:
            args.append(_unescaped(key))
    return args, kwargs


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)


def _read(args: tuple[str, ...], kwargs: dict[str, str]) -> tuple[str, dict[str, Any]]:
    """Return the string of the endpoint beneath, and the arguments of a factory."""
    given = dict(kwargs)
    if len(args) != 1:
        raise ValueError("an autobahn: endpoint needs one endpoint beneath, with a backslash before each of its colons")
    if "url" not in given:
        raise ValueError("an autobahn: endpoint needs a url")
    options: dict[str, Any] = {"url": given.pop("url")}
    if "compress" in given:
        compress = given.pop("compress")
        if compress not in _COMPRESS:
            raise ValueError(f"compress must be true or false, not {compress!r}")
        options["enableCompression"] = _COMPRESS[compress]
    if "autofrag" in given:
        autofrag = given.pop("autofrag")
        if not autofrag.isdecimal():
            raise ValueError(f"autofrag must be a number of octets, not {autofrag!r}")
        options["autoFragmentSize"] = int(autofrag)
    if "subprotocol" in given:
        options["subprotocol"] = given.pop("subprotocol")
    if given:
        raise ValueError(f"autobahn: endpoints have no {', '.join(given)}")
    return args[0], options
