"""URLs of RawSocket servers: `rs://host:port`, `rss://host:port`, `rs://unix:path`."""

from __future__ import annotations

from urllib.parse import urlsplit

__all__ = ["create_url", "parse_url"]

_DEFAULT_PORTS = {"rs": 80, "rss": 443}


def create_url(hostname: str, port: int | str | None = None, isSecure: bool = False) -> str:
    """Make a URL.

    Args:
        hostname: The host, or "unix".
        port: The port; for "unix" the path of the socket. Default: 80, or 443 with TLS.
        isSecure: Whether with TLS.

    Raises:
        ValueError: Port or path do not fit the host.
    """
    scheme = "rss" if isSecure else "rs"
    if hostname == "unix":
        if not isinstance(port, str):
            raise ValueError("for a Unix socket its path is needed")
        return f"{scheme}://unix:{port}"
    if port is None:
        port = _DEFAULT_PORTS[scheme]
    if not isinstance(port, int) or not 0 < port < 65536:
        raise ValueError(f"not a port: {port!r}")
    return f"{scheme}://{_bracketed(hostname)}:{port}"


def parse_url(url: str) -> tuple[bool, str, int | str]:
    """Take a URL apart.

    Args:
        url: The URL.

    Returns:
        Whether with TLS; the host, or "unix"; the port, or the path of the socket.

    Raises:
        ValueError: It is no URL of a RawSocket server; the text says why.
    """
    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in _DEFAULT_PORTS:
        raise ValueError(f"a RawSocket URL begins with rs:// or rss://, not as {url!r}")
    is_secure = scheme == "rss"
    if rest.startswith("unix:"):
        path = rest.removeprefix("unix:")
        if not path:
            raise ValueError(f"{url!r} names no path")
        return is_secure, "unix", path
    parts = urlsplit(url)
    if not parts.hostname:
        raise ValueError(f"{url!r} names no host")
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError(f"a RawSocket URL has no path, query or fragment: {url!r}")
    return is_secure, parts.hostname, parts.port or _DEFAULT_PORTS[scheme]


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
