"""Transports as components and runners are configured with: URLs, or dictionaries whose keys are the API's."""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from trowamp.protocol import ReconnectSchedule
from trowamp.wire import DEFAULT_MAX_SIZE, Link, Serializer, rawsocket_client, websocket_client

from ..rawsocket.util import parse_url as parse_rawsocket_url
from ._serializers import get_serializer
from ._transport_checks import check_number, check_options, check_port, check_retries, check_tls, check_url, snake_case

DEFAULT_URL: Final = "ws://127.0.0.1:8080/ws"
WEBSOCKET_SERIALIZERS: Final = ("cbor", "json")
RAWSOCKET_SERIALIZER: Final = "cbor"
PING_INTERVAL: Final = 10.0
PING_TIMEOUT: Final = 10.0

_KEYS: Final = frozenset(
    {
        "type",
        "url",
        "endpoint",
        "serializer",
        "serializers",
        "options",
        "proxy",
        "headers",
        "max_retries",
        "max_retry_delay",
        "initial_retry_delay",
        "retry_delay_growth",
        "retry_delay_jitter",
    }
)
_ENDPOINT_KEYS: Final = frozenset({"type", "host", "port", "path", "tls", "timeout", "version"})
_SCHEMES: Final = {"ws": "websocket", "wss": "websocket", "rs": "rawsocket", "rss": "rawsocket"}

# Protocol options that a connection of a component has. Others of the API are accepted and change nothing: they switch off parts of RFC 6455.
_EFFECTIVE: Final = frozenset(
    {
        "auto_ping_interval",
        "auto_ping_timeout",
        "close_handshake_timeout",
        "max_frame_payload_size",
        "max_message_payload_size",
        "open_handshake_timeout",
        "per_message_compression_offers",
        "tcp_no_delay",
    }
)
_WITHOUT_EFFECT: Final = frozenset(
    {
        "accept_masked_server_frames",
        "apply_mask",
        "auto_fragment_size",
        "auto_ping_restart_on_any_traffic",
        "auto_ping_size",
        "echo_close_code_reason",
        "fail_by_drop",
        "log_frames",
        "log_octets",
        "mask_client_frames",
        "per_message_compression_accept",
        "server_connection_drop_timeout",
        "utf8validate_incoming",
        "version",
    }
)


class Endpoint:
    """Where to connect to.

    Attributes:
        host: The host, for TCP.
        port: The port, for TCP.
        path: The path of a Unix socket, instead.
        tls: What the configuration says: None, False, True, or an object of the framework's.
        timeout: Seconds to connect in.
        version: 4 or 6 for one version of IP only.
        native: An endpoint object of the framework's, instead of all this.
    """

    def __init__(self) -> None:
        self.host: Any = None
        self.port: Any = None
        self.path: str | None = None
        self.tls: Any = None
        self.timeout: float = 10.0
        self.version: int | None = None
        self.native: Any = None

    def __str__(self) -> str:
        if self.native is not None:
            return repr(self.native)
        return f"unix:{self.path}" if self.path is not None else f"{self.host}:{self.port}"


class TransportConfig:
    """One way to a router.

    Args:
        config: A URL, or a dictionary.

    Raises:
        ValueError: A key or value is not legal; the text says which.

    Attributes:
        kind: "websocket" or "rawsocket".
        url: The URL, if there is one.
        endpoint: Where to connect to.
        serializers: What to offer.
        headers: HTTP headers for the handshake.
        proxy: Host and port of an HTTP proxy, or None.
        options: Protocol options, in snake case.
    """

    def __init__(self, config: str | Mapping[str, Any]) -> None:
        if isinstance(config, str):
            config = {"url": config}
        if not isinstance(config, Mapping):
            raise ValueError(f"a transport is a URL or a dictionary, not {config!r}")
        unknown = sorted(map(str, set(config) - _KEYS))
        if unknown:
            raise ValueError(f"unknown keys of a transport: {', '.join(unknown)}")
        self.url: str | None = config.get("url")
        if self.url is not None:
            check_url(self.url)
        self.kind = _kind(config, self.url)
        self.endpoint = self._endpoint(config.get("endpoint"))
        self.serializers = _serializers(config, self.kind)
        self.headers = _headers(config.get("headers"))
        self.proxy = _proxy(config.get("proxy"), self.kind)
        self.options = _options(config.get("options"), self.kind)
        self._retries = {key: config[key] for key in _RETRY_DEFAULTS if config.get(key) is not None}
        check_retries(self._retries)
        self.schedule()
        self.make_link()

    def __str__(self) -> str:
        return self.url or str(self.endpoint)

    @property
    def is_secure(self) -> bool:
        """Whether TLS is spoken: as the endpoint says, or else as the URL does (C-27)."""
        if self.endpoint.tls is None:
            return self.url is not None and self.url.partition("://")[0] in ("wss", "rss")
        return self.endpoint.tls is not False

    @property
    def hostname(self) -> str:
        """What the certificate has to name."""
        host = None
        if self.url is not None and not self.url.partition("://")[2].startswith("unix:"):
            host = urlsplit(self.url).hostname
        return host or self.endpoint.host or ""

    @property
    def open_timeout(self) -> float:
        """Seconds for the transport handshake."""
        return float(self.options.get("open_handshake_timeout", 5))

    @property
    def close_timeout(self) -> float:
        """Seconds for the closing handshake."""
        return float(self.options.get("close_handshake_timeout", 1))

    @property
    def ping_interval(self) -> float:
        """Seconds between pings to a silent router; 0 for none, as on RawSocket, where the kernel finds out."""
        return float(self.options.get("auto_ping_interval", PING_INTERVAL if self.kind == "websocket" else 0))

    @property
    def ping_timeout(self) -> float:
        """Seconds after which a router that does not answer is given up; 0 for never."""
        return float(self.options.get("auto_ping_timeout", PING_TIMEOUT))

    def make_link(self) -> Link:
        """Make the client side of a connection."""
        size = min(self.options.get("max_message_payload_size") or DEFAULT_MAX_SIZE, DEFAULT_MAX_SIZE)
        if self.kind == "rawsocket":
            return rawsocket_client(self.serializers[0], max_size=size)
        return websocket_client(
            self.url or f"ws://{self.hostname or 'localhost'}/",
            self.serializers,
            random_octets=secrets.token_bytes,
            headers=[(name, str(value)) for name, value in self.headers.items()],
            compression="deflate" if self.options.get("per_message_compression_offers") else None,
            max_size=size,
        )

    def schedule(self) -> ReconnectSchedule:
        """Make the schedule of the attempts on this transport.

        Raises:
            ValueError: A number is out of range.
        """
        values = {**_RETRY_DEFAULTS, **self._retries}
        initial = min(values["initial_retry_delay"], values["max_retry_delay"])
        jitter = 1.0 if callable(values["retry_delay_jitter"]) else values["retry_delay_jitter"]
        return ReconnectSchedule(
            values["max_retries"], initial, values["max_retry_delay"], values["retry_delay_growth"], jitter
        )

    @property
    def longest_delay(self) -> float:
        """Seconds that a retry waits at most, with its jitter (C-14)."""
        return float(self._retries.get("max_retry_delay", _RETRY_DEFAULTS["max_retry_delay"]))

    @property
    def jitter(self) -> Callable[[], float] | None:
        """The function that says which part of a delay is added, if the configuration has one."""
        jitter = self._retries.get("retry_delay_jitter")
        return jitter if callable(jitter) else None

    def _endpoint(self, config: Any) -> Endpoint:
        endpoint = Endpoint()
        if config is None:
            self._from_url(endpoint)
        elif isinstance(config, Mapping):
            _read_endpoint(endpoint, config)
        elif callable(getattr(config, "connect", None)):
            endpoint.native = config
        else:
            raise ValueError(f"an endpoint is a dictionary or an endpoint of Twisted's, not {config!r}")
        return endpoint

    def _from_url(self, endpoint: Endpoint) -> None:
        if self.url is None:
            raise ValueError("a transport needs a url or an endpoint")
        scheme, _, rest = self.url.partition("://")
        if rest.startswith("unix:"):
            endpoint.path = rest.removeprefix("unix:").partition(":")[0]
            if not endpoint.path:
                raise ValueError(f"{self.url!r} names no path")
        elif _SCHEMES.get(scheme) == "rawsocket":
            _, endpoint.host, port = parse_rawsocket_url(self.url)
            endpoint.port = int(port)
        else:
            parts = urlsplit(self.url)
            if not parts.hostname:
                raise ValueError(f"{self.url!r} names no host")
            endpoint.host = parts.hostname
            endpoint.port = parts.port or (443 if scheme == "wss" else 80)


_RETRY_DEFAULTS: Final[dict[str, Any]] = {
    "max_retries": -1,
    "max_retry_delay": 300,
    "initial_retry_delay": 1.5,
    "retry_delay_growth": 1.5,
    "retry_delay_jitter": 0.1,
}


def read_transports(transports: Any) -> list[TransportConfig]:
    """Read what `transports=` may be: nothing, a URL, a dictionary, or a list of these (S-4).

    Raises:
        ValueError: It is something else, or not legal.
    """
    if transports is None:
        transports = [DEFAULT_URL]
    elif isinstance(transports, str | Mapping):
        transports = [transports]
    elif not isinstance(transports, Iterable):
        raise ValueError(f"transports must be a URL, a dictionary or a list of these, not {transports!r}")
    configs = [TransportConfig(each) for each in transports]
    if not configs:
        raise ValueError("transports must name at least one transport, not none")
    return configs


def jitter_of(configs: Iterable[TransportConfig]) -> float:
    """Return the sample from which a schedule makes the jitter of its next delay, at least 0 and below 1 (C-14)."""
    for config in configs:
        if config.jitter is not None:
            return (1 + min(max(config.jitter(), -1.0), 1.0)) / 2
    return random.random()  # spreads load, keeps no secret


def _kind(config: Mapping[str, Any], url: str | None) -> str:
    scheme = url.partition("://")[0] if url is not None else ""
    if url is not None and scheme not in _SCHEMES:
        raise ValueError(f"a URL begins with {', '.join(f'{known}://' for known in _SCHEMES)}; not so {url!r}")
    kind = config.get("type", _SCHEMES.get(scheme, "websocket"))
    if kind not in ("websocket", "rawsocket"):
        raise ValueError(f"the type of a transport is websocket or rawsocket, not {kind!r}")
    if kind == "websocket":
        if url is None:
            raise ValueError("a websocket transport needs a url")
        if _SCHEMES[scheme] == "rawsocket":
            raise ValueError(f"{url!r} is not for WebSocket")
    return str(kind)


def _serializers(config: Mapping[str, Any], kind: str) -> list[Serializer]:
    if kind == "rawsocket":
        if "serializers" in config:
            raise ValueError("a rawsocket transport has one serializer: the key is 'serializer'")
        names = [config.get("serializer") or RAWSOCKET_SERIALIZER]
    else:
        if "serializer" in config:
            raise ValueError("a websocket transport has a list of serializers: the key is 'serializers'")
        names = config.get("serializers") or list(WEBSOCKET_SERIALIZERS)
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise ValueError(f"serializers are a list of names, not {names!r}")
    for name in names:
        if "." in name:
            raise ValueError(f"not a serializer: {name!r}")
    return [get_serializer(name) for name in names]


def _read_endpoint(endpoint: Endpoint, config: Mapping[str, Any]) -> None:
    unknown = sorted(map(str, set(config) - _ENDPOINT_KEYS))
    if unknown:
        raise ValueError(f"unknown keys of an endpoint: {', '.join(unknown)}")
    kind = config.get("type")
    if kind == "tcp":
        _read_tcp(endpoint, config)
    elif kind == "unix":
        for key in ("host", "port", "tls"):
            if key in config:
                raise ValueError(f"an endpoint of type unix has no {key!r}")
        endpoint.path = _required(config, "path", str)
    else:
        raise ValueError(f"the type of an endpoint is tcp or unix, not {kind!r}")
    endpoint.timeout = config.get("timeout", 10)
    check_number("the timeout of an endpoint", endpoint.timeout)


def _read_tcp(endpoint: Endpoint, config: Mapping[str, Any]) -> None:
    if "path" in config:
        raise ValueError("an endpoint of type tcp has no 'path'")
    endpoint.host = _required(config, "host", str)
    endpoint.port = _required(config, "port", int)
    check_port("the port of an endpoint", endpoint.port)
    endpoint.tls = config.get("tls")
    check_tls(endpoint.tls)
    endpoint.version = config.get("version")
    if endpoint.version not in (None, 4, 6):
        raise ValueError(f"the version of an endpoint is 4 or 6, not {endpoint.version!r}")


def _required(config: Mapping[str, Any], key: str, kind: type) -> Any:
    value = config.get(key)
    if isinstance(value, bool) or not isinstance(value, kind):
        raise ValueError(f"an endpoint of type {config['type']} needs {key!r}: {kind.__name__}")
    return value


def _headers(config: Any) -> dict[str, Any]:
    if config is None:
        return {}
    if not isinstance(config, Mapping) or not all(isinstance(name, str) for name in config):
        raise ValueError(f"headers are a dictionary of strings, not {config!r}")
    return dict(config)


def _proxy(config: Any, kind: str) -> tuple[str, int] | None:
    if config is None:
        return None
    if kind != "websocket":
        raise ValueError("a proxy is for websocket transports only")
    if not isinstance(config, Mapping) or set(config) != {"host", "port"}:
        raise ValueError("a proxy has the keys host and port")
    if not isinstance(config["host"], str):
        raise ValueError(f"the host of a proxy is a string, not {config['host']!r}")
    check_port("the port of a proxy", config["port"])
    return config["host"], config["port"]


def _options(config: Any, kind: str) -> dict[str, Any]:
    if config is None:
        return {}
    if not isinstance(config, Mapping):
        raise ValueError(f"the options of a transport are a dictionary, not {config!r}")
    options = {snake_case(str(key)): value for key, value in config.items() if value is not None}
    known = {"max_message_payload_size"} if kind == "rawsocket" else _EFFECTIVE | _WITHOUT_EFFECT
    unknown = sorted(set(options) - known)
    if unknown:
        raise ValueError(f"unknown options of a {kind} transport: {', '.join(unknown)}")
    check_options(options)
    return options
