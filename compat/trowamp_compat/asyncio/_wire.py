"""A transport of asyncio, as the parts that are shared with Twisted use it."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import Callable
from typing import Any, Final

from ..wamp._addresses import address_words
from ..wamp._channel_ids import channel_ids
from ..wamp.types import TransportDetails

_READ_SIZE: Final = (
    2**17 - 2**12
)  # octets; from 2**17 on the C library may get each block from the kernel, and give it back


def read_in_smaller_parts(transport: Any) -> None:
    """Have a transport ask the system for less at a time than it would.

    asyncio allocates 256 KiB for whatever comes, and gives most of them back. In every other process that took three system calls and two page
    faults for each message, as much time as all the rest of a small one. Transports of other loops have no such setting, and no need for it.
    """
    if hasattr(transport, "max_size"):
        transport.max_size = _READ_SIZE


class AsyncioWire:
    """Acts on a transport.

    Args:
        transport: The transport, which TLS may replace.
    """

    __slots__ = ("transport",)

    def __init__(self, transport: Any) -> None:
        self.transport = transport

    def write(self, data: bytes) -> None:
        """Send octets, as soon as the peer takes them."""
        if not self.transport.is_closing():
            self.transport.write(data)

    write_now = write

    def finish(self) -> None:
        """Tell the peer that nothing more comes; where that cannot be said, end the connection."""
        if self.transport.is_closing():
            return
        if self.transport.can_write_eof():
            self.transport.write_eof()
        else:
            self.transport.close()

    def close(self) -> None:
        """End the connection when all that was written is sent."""
        self.transport.close()

    def abort(self) -> None:
        """End the connection now."""
        self.transport.abort()

    def pause_reading(self) -> None:
        """Take nothing from the peer."""
        self.transport.pause_reading()

    def resume_reading(self) -> None:
        """Take what the peer sends again."""
        self.transport.resume_reading()

    def set_no_delay(self, enabled: bool) -> None:
        """Say whether small messages are sent at once; a socket in the file system has no such option."""
        sock = self.transport.get_extra_info("socket")
        if sock is not None and sock.family != getattr(socket, "AF_UNIX", None):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, int(enabled))

    def describe(self, **more: Any) -> TransportDetails:
        """Return what is known of the connection, and more."""
        look_up = self.transport.get_extra_info
        sock = look_up("socket")
        return TransportDetails(
            own=address_words(look_up("sockname")),
            peer=address_words(look_up("peername")),
            is_secure=look_up("ssl_object") is not None,
            own_pid=os.getpid(),
            own_tid=threading.get_native_id(),
            own_fd=sock.fileno() if sock is not None else None,
            **more,
        )

    def channel_ids(self, *, is_server: bool) -> dict[str, bytes]:  # noqa: ARG002  # Python knows
        """Return the ids of the TLS channel, if there is one."""
        tls = self.transport.get_extra_info("ssl_object")
        return channel_ids(tls.get_channel_binding("tls-unique") if tls is not None else None)

    def start_tls(self, protocol: Any, started: Callable[[], None], failed: Callable[[BaseException], None]) -> None:
        """Put TLS on the connection, as a client, then call one of two functions."""

        def take(transport: Any) -> None:
            self.transport = transport
            started()

        self.transport.pause_reading()
        factory = protocol.factory
        starting = asyncio.get_running_loop().start_tls(
            self.transport, protocol, factory.context_factory(), server_hostname=factory.host
        )
        protocol._face.when_done(protocol._face.future_of(starting), take, failed)
