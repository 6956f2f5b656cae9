"""What the kernel is told of a TCP connection, so that it notices a host that has silently gone: within a minute, also where nobody pings."""

from __future__ import annotations

from typing import Final

#: Options at the level of TCP by their names in `socket`; a system that does not know one does without.
TCP_KEEPALIVE: Final = {
    "TCP_KEEPIDLE": 30,  # seconds
    "TCP_KEEPINTVL": 10,  # seconds
    "TCP_KEEPCNT": 3,
    "TCP_USER_TIMEOUT": 60_000,  # milliseconds; while octets are on their way the kernel sends no probes, and would go on for a quarter of an hour
}
