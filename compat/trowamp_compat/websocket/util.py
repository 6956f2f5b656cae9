"""WebSocket URLs."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlencode, urlsplit

__all__ = ["create_url", "parse_url"]


def create_url(
    hostname: str,
    port: int | None = None,
    isSecure: bool = False,
    path: str | None = None,
    params: dict[str, Any] | None = None,
) -> str:
    """Put a WebSocket URL together.

    Args:
        hostname: A name, or an address; "unix" with the path of the socket as `port`.
        port: The port; that of the scheme if None.
        isSecure: Whether there is to be TLS.
        path: The path, not quoted.
        params: The query.

    Raises:
        ValueError: There is no such port.
    """
    if hostname == "unix":
        authority = f"unix:{port}"
    else:
        port = port if port is not None else (443 if isSecure else 80)
        if isinstance(port, bool) or not isinstance(port, int) or not 0 <= port < 65536:
            raise ValueError(f"there is no port {port!r}")
        authority = f"[{hostname}]:{port}" if ":" in hostname else f"{hostname}:{port}"
    query = f"?{urlencode(params)}" if params else ""
    scheme = "wss" if isSecure else "ws"
    return f"{scheme}://{authority}/{quote(path or '').lstrip('/')}{query}"


def parse_url(url: str) -> tuple[bool, str, int | str, str, str, dict[str, list[str]]]:
    """Take a WebSocket URL apart.

    Args:
        url: For example "wss://example.com/ws?token=1", or "ws://unix:/run/socket" for a socket in the file system.

    Returns:
        Whether there is to be TLS; host; port, or the path of the socket; resource (path and query); path; query.

    Raises:
        ValueError: It is no WebSocket URL; the text says why.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("ws", "wss"):
        raise ValueError(f"invalid WebSocket URL: protocol scheme '{parts.scheme}' is not for WebSocket")
    if not parts.netloc or parts.netloc.endswith("@"):
        raise ValueError("invalid WebSocket URL: missing hostname")
    if parts.fragment:
        raise ValueError(f"invalid WebSocket URL: non-empty fragment '{parts.fragment}'")
    is_secure = parts.scheme == "wss"
    path = unquote(parts.path) or "/"
    resource = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    params = parse_qs(parts.query)
    if parts.netloc == "unix:":
        return is_secure, "unix", path, resource, path, params
    if not parts.hostname:
        raise ValueError("invalid WebSocket URL: missing hostname")
    port = parts.port if parts.port is not None else (443 if is_secure else 80)
    return is_secure, parts.hostname, port, resource, path, params
