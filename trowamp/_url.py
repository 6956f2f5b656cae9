"""Where a router is: the URLs that sessions are opened at and listeners listen at."""

from __future__ import annotations

from typing import Final, Literal
from urllib.parse import SplitResult, parse_qs, urlsplit

import msgspec

Framing = Literal["websocket", "rawsocket"]

_SCHEMES: Final[dict[str, tuple[Framing, bool, bool, int | None]]] = {  # framing, TLS, Unix socket, default port
    "ws": ("websocket", False, False, 80),
    "wss": ("websocket", True, False, 443),
    "rs": ("rawsocket", False, False, None),
    "rss": ("rawsocket", True, False, None),
    "ws+unix": ("websocket", False, True, None),
    "rs+unix": ("rawsocket", False, True, None),
}
_FORMS: Final = "ws://host:port/path, wss://…, rs://host:port, rss://…, ws+unix:///path, rs+unix:///path"


class RouterUrl(msgspec.Struct, frozen=True):
    """A parsed URL.

    Attributes:
        scheme: "ws", "wss", "rs", "rss", "ws+unix" or "rs+unix".
        framing: "websocket" or "rawsocket".
        is_tls: Whether the connection is encrypted.
        host: The host, without the brackets of an IPv6 address; empty for a Unix socket.
        port: The port; 0 for a Unix socket.
        path: The path of the Unix socket, or None.
        target: What a WebSocket handshake asks for, for example "/ws".
    """

    scheme: str
    framing: Framing
    is_tls: bool
    host: str
    port: int
    path: str | None
    target: str

    @property
    def is_unix(self) -> bool:
        """Whether this is a Unix socket."""
        return self.path is not None

    @property
    def authority(self) -> str:
        """Host and port as a URL writes them."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def text(self) -> str:
        """The URL in its plain form."""
        if self.path is not None:
            query = "" if self.target == "/" else f"?target={self.target}"
            return f"{self.scheme}://{self.path}{query}"
        return f"{self.scheme}://{self.authority}{self.target if self.framing == 'websocket' else ''}"

    @property
    def websocket_url(self) -> str:
        """What the WebSocket handshake needs to know."""
        scheme = "wss" if self.is_tls else "ws"
        return f"{scheme}://{'localhost' if self.is_unix else self.authority}{self.target}"

    def with_port(self, port: int) -> RouterUrl:
        """Return the same URL with another port."""
        return msgspec.structs.replace(self, port=port)


def parse_url(text: str) -> RouterUrl:
    """Parse a router's URL.

    A Unix socket's WebSocket target is given as `ws+unix:///run/router.sock?target=/ws`.

    Raises:
        ValueError: It is none; the text says what is wrong and which forms there are.
    """
    parts = urlsplit(text)
    form = _SCHEMES.get(parts.scheme)
    if form is None:
        raise ValueError(f"not a router's URL: {text!r} (known forms: {_FORMS})")
    framing, is_tls, is_unix, default_port = form
    if "@" in parts.netloc:
        raise ValueError("a router's URL takes no user and password: use auth= or headers=")
    if parts.fragment:
        raise ValueError(f"a router's URL takes no fragment: {text!r}")
    if is_unix:
        return _unix(parts, framing)
    try:
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise ValueError(f"{error}: {text!r}") from None
    port = default_port if port is None else port
    if not host:
        raise ValueError(f"the URL names no host: {text!r}")
    if port is None:
        raise ValueError(f"{parts.scheme}:// needs a port: {text!r}")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if framing == "rawsocket":
        if target != "/":
            raise ValueError(f"{parts.scheme}:// takes no path: {text!r}")
        target = ""
    return RouterUrl(parts.scheme, framing, is_tls, host, port, None, target)


def _unix(parts: SplitResult, framing: Framing) -> RouterUrl:
    if parts.netloc or not parts.path.startswith("/") or parts.path == "/":
        raise ValueError(
            f"a Unix socket needs an absolute path, as in {parts.scheme}:///run/router.sock: {parts.geturl()!r}"
        )
    options = parse_qs(parts.query)
    target = options.pop("target", ["/"])[0]
    if options or (framing == "rawsocket" and target != "/"):
        raise ValueError(f"{parts.scheme}:// does not take the query {parts.query!r}: {parts.geturl()!r}")
    return RouterUrl(parts.scheme, framing, False, "", 0, parts.path, target)
