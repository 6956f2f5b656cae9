"""Where a router is: the URLs that sessions are opened at and listeners listen at.

`ws://host:port/path`, `wss://…` (WebSocket), `rs://host:port`, `rss://…` (RawSocket), `http://host:port/path`, `https://…` (long-polling),
`ws+unix:///run/router.sock?target=/ws`, `rs+unix:///run/router.sock`, `http+unix:///run/router.sock?target=/lp` (the same over a Unix socket, whose
path is percent-encoded where it has blanks, `?`, `#` or `%`).
"""

from __future__ import annotations

import os
import re
from typing import Final, Literal, NamedTuple
from urllib.parse import SplitResult, parse_qs, quote, unquote_to_bytes, urlsplit

import msgspec

Framing = Literal["websocket", "rawsocket", "longpoll"]


class _Scheme(NamedTuple):
    framing: Framing
    is_tls: bool
    is_unix: bool
    default_port: int | None


_SCHEMES: Final = {
    "ws": _Scheme("websocket", is_tls=False, is_unix=False, default_port=80),
    "wss": _Scheme("websocket", is_tls=True, is_unix=False, default_port=443),
    "rs": _Scheme("rawsocket", is_tls=False, is_unix=False, default_port=None),
    "rss": _Scheme("rawsocket", is_tls=True, is_unix=False, default_port=None),
    "http": _Scheme("longpoll", is_tls=False, is_unix=False, default_port=80),
    "https": _Scheme("longpoll", is_tls=True, is_unix=False, default_port=443),
    "ws+unix": _Scheme("websocket", is_tls=False, is_unix=True, default_port=None),
    "rs+unix": _Scheme("rawsocket", is_tls=False, is_unix=True, default_port=None),
    "http+unix": _Scheme("longpoll", is_tls=False, is_unix=True, default_port=None),
}
_LIKELY_MEANT: Final = {"tcp": "rs", "tls": "rss", "unix": "rs+unix"}
_FORMS: Final = (
    "ws://host:port/path, wss://…, rs://host:port, rss://…, http://host:port/path, https://…, "
    "ws+unix:///path, rs+unix:///path, http+unix:///path"
)
_BLANK_OR_CONTROL: Final = re.compile(r"[\x00-\x20\x7f]")
_SAFE_IN_TARGET: Final = "/?%:@!$&'()*+,;=~-._"


class RouterUrl(msgspec.Struct, frozen=True, kw_only=True):
    """A parsed URL; its `str` is meant for people and logs.

    Attributes:
        scheme: "ws", "wss", "rs", "rss", "http", "https", "ws+unix", "rs+unix" or "http+unix".
        host: The host, without the brackets of an IPv6 address; empty for a Unix socket.
        port: The port; 0 for a Unix socket, and for any free port to listen at.
        path: The path of the Unix socket, or None.
        target: What a WebSocket handshake asks for, for example "/ws?x=1", or what paths of long-polling begin with.
    """

    scheme: str
    host: str = ""
    port: int = 0
    path: str | None = None
    target: str = "/"

    @property
    def framing(self) -> Framing:
        """What a client speaks there: "websocket", "rawsocket" or "longpoll"."""
        return _SCHEMES[self.scheme].framing

    @property
    def is_tls(self) -> bool:
        """Whether the connection is encrypted."""
        return _SCHEMES[self.scheme].is_tls

    @property
    def is_unix(self) -> bool:
        """Whether this is a Unix socket."""
        return self.path is not None

    @property
    def sibling_scheme(self) -> str:
        """The scheme of the same with TLS if this is without, and the other way round; empty for Unix sockets."""
        if self.is_unix:
            return ""
        return self.scheme.removesuffix("s") if self.is_tls else f"{self.scheme}s"

    @property
    def authority(self) -> str:
        """Host and port as a URL writes them."""
        return f"{bracketed(self.host)}:{self.port}"

    @property
    def text(self) -> str:
        """The whole URL, as `parse_url` takes it."""
        if self.path is not None:
            target = "" if self.target == "/" else f"?target={quote(self.target, safe='/')}"
            return f"{self.scheme}://{quote(os.fsencode(self.path))}{target}"
        return f"{self.scheme}://{self.authority}{'' if self.framing == 'rawsocket' else self.target}"

    @property
    def websocket_url(self) -> str:
        """What the WebSocket handshake needs to know; a Host header has no zone of an IPv6 address."""
        if self.is_unix:
            return f"ws://localhost{self.target}"
        return f"{self.scheme}://{bracketed(self.host.partition('%')[0])}:{self.port}{self.target}"

    @property
    def host_header(self) -> str:
        """How an HTTP request names the host; without the zone of an IPv6 address, and without the port that everybody expects."""
        if self.is_unix:
            return "localhost"
        port = "" if self.port == _SCHEMES[self.scheme].default_port else f":{self.port}"
        return bracketed(self.host.partition("%")[0]) + port

    def with_port(self, port: int) -> RouterUrl:
        """Return the same URL with another port."""
        return msgspec.structs.replace(self, port=port)

    def __str__(self) -> str:
        """The URL without the query of its target, which some servers take tokens in."""
        path, _, query = self.target.partition("?")
        return msgspec.structs.replace(self, target=path).text + ("?…" if query and not self.is_unix else "")


def bracketed(host: str) -> str:
    """Return a host as a URL writes it."""
    return f"[{host}]" if ":" in host else host


def parse_url(text: str) -> RouterUrl:
    """Parse a router's URL.

    Args:
        text: One of the forms in the module's docstring.

    Raises:
        ValueError: It is none; the text says what is wrong, and shows neither a user and password nor a query.
    """
    if _BLANK_OR_CONTROL.search(text):
        raise ValueError(f"{_shown(text)} is no router's URL: it holds blanks or control characters")
    try:
        parts = urlsplit(text)
    except ValueError:
        raise ValueError(f"{_shown(text)} is no router's URL: its host is not understood") from None
    if parts.scheme not in _SCHEMES:
        meant = _likely_meant(text, parts.scheme)
        raise ValueError(
            f"{_shown(text)} is no router's URL, which is one of {_FORMS}"
            + (f"; did you mean {meant}?" if meant else "")
        )
    if "@" in parts.netloc:
        raise ValueError("a router's URL takes no user and password: use auth= or headers=")
    if "#" in text:
        raise ValueError(f"{_shown(text)}: a router's URL takes no fragment; write # as %23")
    return _unix(text, parts) if _SCHEMES[parts.scheme].is_unix else _tcp(text, parts)


def _likely_meant(text: str, scheme: str) -> str:
    """Return what may be meant by something that has no scheme, or another one; empty if nothing comes to mind."""
    if "://" in text:
        return f"{_LIKELY_MEANT[scheme]}://" if scheme in _LIKELY_MEANT else ""
    is_path = text.startswith("/") and not text.startswith("//")
    whole = f"ws+unix://{text}" if is_path else f"ws://{text.removeprefix('//')}"
    try:
        parse_url(whole)
    except ValueError:
        return ""
    return _shown(whole).strip("'")


def _tcp(text: str, parts: SplitResult) -> RouterUrl:
    scheme = _SCHEMES[parts.scheme]
    try:
        port = parts.port
    except ValueError:
        raise ValueError(
            f"{_shown(text)}: the port must be a number from 0 to 65535 (an IPv6 address stands in brackets)"
        ) from None
    if not parts.hostname:
        raise ValueError(f"{_shown(text)} names no host (to listen everywhere, name 0.0.0.0 or [::])")
    if port is None:
        port = scheme.default_port
    if port is None:
        raise ValueError(f"{_shown(text)}: {parts.scheme}:// needs a port")
    host = _host(text, parts.hostname)
    if scheme.framing != "rawsocket":
        return RouterUrl(scheme=parts.scheme, host=host, port=port, target=_target(text, parts.path, parts.query))
    if parts.path not in ("", "/") or parts.query:
        raise ValueError(f"{_shown(text)}: {parts.scheme}:// takes no path and no query")
    return RouterUrl(scheme=parts.scheme, host=host, port=port)


def _unix(text: str, parts: SplitResult) -> RouterUrl:
    path = os.fsdecode(unquote_to_bytes(parts.path))
    if parts.netloc or not path.startswith("/") or path.endswith("/") or "\0" in path:
        raise ValueError(
            f"{_shown(text)}: a Unix socket needs an absolute path, as in {parts.scheme}:///run/router.sock"
        )
    if _SCHEMES[parts.scheme].framing == "rawsocket":
        if parts.query:
            raise ValueError(f"{_shown(text)}: {parts.scheme}:// takes no query; write ? as %3F")
        return RouterUrl(scheme=parts.scheme, path=path)
    options = parse_qs(parts.query, keep_blank_values=True)
    targets = options.pop("target", ["/"])
    if options or len(targets) > 1 or not targets[0].startswith("/"):
        raise ValueError(f"{_shown(text)}: the one query that {parts.scheme}:// takes is a target, as in ?target=/ws")
    target, _, query = targets[0].partition("?")
    return RouterUrl(scheme=parts.scheme, path=path, target=_target(text, target, query))


def _target(text: str, path: str, query: str) -> str:
    target = (path or "/") + (f"?{query}" if query else "")
    if _BLANK_OR_CONTROL.search(target):  # `?target=` is decoded once more
        raise ValueError(f"{_shown(text)}: the target holds blanks or control characters")
    return quote(target, safe=_SAFE_IN_TARGET)


def _host(text: str, host: str) -> str:
    if ":" in host:
        return host.replace("%25", "%")  # the zone of a link-local address (RFC 6874)
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError:
        raise ValueError(f"{_shown(text)}: there is no such host name") from None


def _shown(text: str) -> str:
    """Return the URL as an error may show it."""
    head, at, tail = text.rpartition("@")
    return repr(("…@" if at else head) + tail.partition("?")[0])
