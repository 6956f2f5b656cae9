"""Connecting to routers on asyncio."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Mapping
from typing import Any

from ..wamp._configured import ConfiguredFactory
from ..wamp._transport_checks import trusting
from ..wamp._transports import Endpoint, TransportConfig
from ._connection import AsyncioConnection
from ._proxy import connect_through


def check_endpoint(endpoint: Endpoint) -> None:
    """Take an endpoint that asyncio can connect to.

    Raises:
        ValueError: It is none.
    """
    if endpoint.native is not None:
        raise ValueError("endpoint objects are Twisted's; on asyncio an endpoint is a dictionary")
    if endpoint.tls is not None and not isinstance(endpoint.tls, bool | Mapping | ssl.SSLContext):
        raise ValueError(f"on asyncio tls is True, False, a dictionary or an ssl.SSLContext, not {endpoint.tls!r}")


async def connect(config: TransportConfig, make_session: Callable[[], Any]) -> AsyncioConnection:
    """Connect; the session is made when the transport handshake is done.

    Args:
        config: The transport.
        make_session: Makes the session.

    Returns:
        The connection.

    Raises:
        OSError: There is none to be had; a TimeoutError if it took too long.
    """
    connection = AsyncioConnection()
    connection.factory = factory = ConfiguredFactory(config, make_session)
    factory.set_up(connection)
    loop = asyncio.get_running_loop()
    endpoint = config.endpoint
    context = _tls_context(config)
    hostname = config.hostname if context is not None else None
    if isinstance(endpoint.tls, Mapping):
        hostname = endpoint.tls.get("hostname") or hostname
    async with asyncio.timeout(endpoint.timeout):
        if config.proxy is not None:
            await connect_through(config.proxy, endpoint, connection, context, hostname)
        elif endpoint.path is not None:
            await loop.create_unix_connection(
                lambda: connection, endpoint.path, ssl=context, server_hostname=hostname or ("" if context else None)
            )
        else:
            await loop.create_connection(
                lambda: connection,
                endpoint.host,
                endpoint.port,
                ssl=context,
                server_hostname=hostname,
                family=_FAMILIES[endpoint.version],
            )
    return connection


_FAMILIES = {None: socket.AF_UNSPEC, 4: socket.AF_INET, 6: socket.AF_INET6}


def _tls_context(config: TransportConfig) -> ssl.SSLContext | None:
    tls = config.endpoint.tls
    if isinstance(tls, ssl.SSLContext):
        return tls
    if isinstance(tls, Mapping):
        return trusting(tls.get("trust_root"))
    return ssl.create_default_context() if config.is_secure else None
