"""What makes connections as a configuration describes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ._connection import Connection
from ._transports import TransportConfig


class ConfiguredFactory:
    """Makes the links and the sessions of one transport, as factories of RawSocket do.

    Args:
        config: The transport.
        make_session: Makes the session.
    """

    def __init__(self, config: TransportConfig, make_session: Callable[[], Any]) -> None:
        self._config = config
        self._make_link = config.make_link
        self._make_session = make_session

    def set_up(self, connection: Connection) -> None:
        """Give a connection its options."""
        config = self._config
        connection.has_farewell = config.kind == "websocket"
        connection.open_timeout = config.open_timeout
        connection.close_timeout = config.close_timeout
        connection.ping_interval = config.ping_interval
        connection.ping_timeout = config.ping_timeout
