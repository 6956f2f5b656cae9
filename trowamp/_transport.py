"""The ways in which a component reaches a router."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Unpack

from ._keywords import known_to, require_known
from ._open import ConnectOptions, connect
from ._run_session import Opened
from ._url import parse_url
from .protocol import ReconnectSchedule


class Transport:
    """One way to reach a router, with options of its own.

    Args:
        url: The router's URL.
        schedule: How attempts over this transport are spaced; default: the component's.
        options: What `open_session` takes about connecting: `tls`, `headers`, `proxy`, `serializers`, …; they come before the component's.

    Raises:
        ValueError: The URL is none.
        TypeError: There is no such option.
    """

    def __init__(
        self, url: str, *, schedule: ReconnectSchedule | None = None, **options: Unpack[ConnectOptions]
    ) -> None:
        parse_url(url)
        require_known(options, known_to(ConnectOptions))
        self.url = url
        self.schedule = schedule
        self.options = options

    async def connect(self, defaults: ConnectOptions) -> Opened:
        """Open a connection; a component does this.

        Args:
            defaults: The component's options, for what the transport has none of its own for.

        Raises:
            ConnectError: The router cannot be reached, did not answer in time, or refused the handshake.
        """
        options: ConnectOptions = {**defaults, **self.options}
        return await connect(self.url, **options)

    def __repr__(self) -> str:
        return f"<Transport {self.url}>"


class InProcess(Transport):
    """The way to a router in this program.

    Args:
        name: What stands for its URL.
        connect: Opens a connection to it.
    """

    def __init__(self, name: str, connect: Callable[[], Awaitable[Opened]]) -> None:
        self.url = name
        self.schedule = None
        self.options = {}
        self._connect = connect

    async def connect(self, defaults: ConnectOptions) -> Opened:  # noqa: ARG002  # they are for sockets
        """Open a connection."""
        return await self._connect()
