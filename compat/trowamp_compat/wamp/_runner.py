"""What the `ApplicationRunner`s of both frameworks have in common: their arguments, and how a run ends."""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence
from typing import Any, Final

from trowamp.uris import is_uri

from ..rawsocket._wamp import serializer_named
from ._attempts import Fatal
from ._described import require
from ._transport_checks import check_tls
from ._transports import Endpoint, TransportConfig
from .component import Component
from .exception import ApplicationError, TransportLost
from .types import ComponentConfig

_RETRIES: Final = (
    "max_retries",
    "initial_retry_delay",
    "max_retry_delay",
    "retry_delay_growth",
    "retry_delay_jitter",
)
_DEFAULTS: Final = {"initial_retry_delay": 1.0, "max_retry_delay": 60.0}
_SERIALIZERS: Final = ("cbor", "msgpack", "json")


class RunnerComponent(Component):
    """A component whose sessions a program makes itself.

    Args:
        config: How to connect.
        realm: The realm, or None if sessions know better.
        extra: Goes to the sessions.
        make: Makes a session of a `ComponentConfig`; or is one.
    """

    _needed = frozenset({"connect"})  # after that the session is told, and decides

    def __init__(self, config: TransportConfig, realm: str | None, extra: Any, make: Any) -> None:
        super().__init__(extra=extra)
        self._transports = [config]
        self._make = make
        self._session_config = ComponentConfig(realm, extra)
        self.was_open = False

    def _make_session(self) -> Any:
        self.was_open = True
        session = self._make if not callable(self._make) else self._make(self._session_config)
        if session is self._make:
            session.config = self._session_config
        return session


class Runner(abc.ABC):
    """Connects to a router and runs a session.

    Args:
        url: The router's URL: `ws://`, `wss://`, `rs://` or `rss://`.
        realm: The realm to join.
        extra: Goes to the session as `config.extra`; an exception in `extra["error"]` is raised at the end of `run`.
        serializers: What to offer: names, or serializer objects; default: CBOR, MessagePack and JSON.
        ssl: TLS as the framework has it (asyncio: an `ssl.SSLContext`; Twisted: `CertificateOptions`, or a creator as `optionsForClientTLS` makes
            it), or True; default: as the URL says.
        proxy: HTTP proxy: `{"host": …, "port": …}`.
        headers: HTTP headers for the handshake.
        more: WebSocket options, if it is a dictionary, and the numbers of the retries, by position (C-18).
        named: `websocket_options`, `max_retries`, `initial_retry_delay`, `max_retry_delay`, `retry_delay_growth`, `retry_delay_jitter`.

    Raises:
        AssertionError: An argument has the wrong type.
        RuntimeError: TLS is configured, but the URL is for a connection without.
        ValueError: `ssl` is nothing that the framework knows, or another argument is not legal; the text says why.
    """

    def __init__(
        self,
        url: str,
        realm: str | None = None,
        extra: Any = None,
        serializers: Sequence[Any] | None = None,
        ssl: Any = None,
        proxy: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        *more: Any,
        **named: Any,
    ) -> None:
        require(isinstance(url, str), f"url must be a string, not {url!r}")
        require(realm is None or (isinstance(realm, str) and is_uri(realm)), f"realm must be a URI, not {realm!r}")
        require(proxy is None or isinstance(proxy, Mapping), "proxy must be a dictionary")
        require(headers is None or isinstance(headers, Mapping), "headers must be a dictionary")
        self.url = url
        self.realm = realm
        self.extra = extra if extra is not None else {}
        self.serializers = serializers
        self.ssl = ssl
        self._proxy = proxy
        self._headers = headers
        self._websocket_options, self._retries = _read_more(more, named)
        self._running: RunnerComponent | None = None
        if ssl not in (None, False) and url.startswith(("ws:", "rs:")):
            raise RuntimeError(f"TLS is configured, but {url!r} is for a connection without")
        self._config(auto_reconnect=True)

    @staticmethod
    @abc.abstractmethod
    def _check_endpoint(endpoint: Endpoint) -> None:
        """Raise a ValueError if the framework cannot connect to an endpoint."""

    def stop(self) -> Any:
        """Leave the session, and do not come back (C-17). What it returns is done when the session has been left."""
        return self._running.stop() if self._running is not None else None

    def _config(self, *, auto_reconnect: bool) -> TransportConfig:
        """Return how to connect.

        Args:
            auto_reconnect: Whether to come back after failures.
        """
        keys: dict[str, Any] = {"url": self.url, **_DEFAULTS, **self._retries}
        if not auto_reconnect:
            keys["max_retries"] = 0
        optional = {"proxy": self._proxy, "headers": self._headers, "options": self._websocket_options}
        keys.update({key: value for key, value in optional.items() if value})
        config = TransportConfig(keys)
        check_tls(self.ssl)
        config.endpoint.tls = self.ssl
        self._check_endpoint(config.endpoint)
        if self.serializers or config.kind == "websocket":
            config.serializers = [serializer_named(each) for each in self.serializers or _SERIALIZERS]
        return config

    def _opened(self, component: RunnerComponent, loop: Any, *, auto_reconnect: bool) -> Any:
        """Start a component on a loop that the program runs; return a future of its first connection."""
        face = component._face_type(loop)
        opened = face.create_future(lambda _: component.stop())

        def ended(error: BaseException) -> None:
            if not face.is_done(opened):
                face.reject(opened, error)
            elif is_worth_raising(error, component, auto_reconnect=auto_reconnect):
                component.log.error("the session has ended: {error!r}", error=error)

        component.on("connect", lambda _session, transport: face.resolve(opened, transport))
        stopped = TransportLost("stopped before there was a connection")
        face.when_done(component._start(loop), lambda _: face.reject(opened, stopped), ended)
        return opened

    def _raise_what_ended_it(
        self, error: BaseException | None, component: RunnerComponent, *, auto_reconnect: bool
    ) -> None:
        """Raise what has ended a run, if that is an error, or what the program has put into `extra["error"]`."""
        if error is not None and is_worth_raising(error, component, auto_reconnect=auto_reconnect):
            raise error
        if isinstance(self.extra, dict) and isinstance(self.extra.get("error"), BaseException):
            raise self.extra["error"]


def _read_more(more: tuple[Any, ...], named: dict[str, Any]) -> tuple[Mapping[str, Any] | None, dict[str, Any]]:
    options = named.pop("websocket_options", None)
    if more and (len(more) > len(_RETRIES) or isinstance(more[0], Mapping)):
        options, more = more[0], more[1:]
    require(options is None or isinstance(options, Mapping), "websocket_options must be a dictionary")
    unknown = sorted(set(named) - set(_RETRIES))
    if unknown or len(more) > len(_RETRIES):
        raise TypeError(f"unexpected arguments: {', '.join(unknown) or more}")
    retries = dict(zip(_RETRIES, more, strict=False)) | named
    return options, {key: value for key, value in retries.items() if value is not None}


def is_worth_raising(error: BaseException, component: RunnerComponent, *, auto_reconnect: bool) -> bool:
    """Tell whether the end of a run is an error: there was no connection, or no session could be made, or all retries are used up."""
    if auto_reconnect or not component.was_open or isinstance(error, Fatal):
        return True
    return not isinstance(error, TransportLost | ApplicationError)
