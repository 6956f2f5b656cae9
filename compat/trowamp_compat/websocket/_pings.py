"""Pings that are sent by themselves, to find out whether the peer is there."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Final

from ..wamp._face import Face, Handle

_NUMBER: Final = 4  # octets of a payload that number it; the rest cannot be guessed


class AutoPings:
    """The pings of one connection.

    Args:
        face: The loop.
        interval: Seconds between a pong, or anything else that was received, and the next ping.
        timeout: Seconds to wait for the pong; 0 waits for ever.
        size: Octets of a ping's payload.
        any_traffic: Whether anything received counts as life.
        send: Sends a ping with a payload.
        on_pong: Called with `(sent, number, received, round_trip, payload)` when the pong is there.
        on_timeout: Called when it is not there in time.
    """

    def __init__(
        self,
        face: Face,
        *,
        interval: float,
        timeout: float,
        size: int,
        any_traffic: bool,
        send: Callable[[bytes], None],
        on_pong: Callable[[float, int, float, float, bytes], None],
        on_timeout: Callable[[], None],
    ) -> None:
        self._face = face
        self._interval = interval
        self._timeout = timeout
        self._size = size
        self._any_traffic = any_traffic
        self._send = send
        self._on_pong = on_pong
        self._on_timeout = on_timeout
        self._number = 0
        self._pending: bytes | None = None
        self._sent = 0.0
        self._last_life = face.now()
        self._timer: Handle | None = None
        self._wait(interval)

    def alive(self) -> None:
        """Something was received."""
        if self._any_traffic:
            self._last_life = self._face.now()

    def ponged(self, payload: bytes) -> bool:
        """Take a pong; return whether it answers the ping that waits for one."""
        if payload != self._pending:
            return False
        self._pending = None
        received = self._last_life = self._face.now()
        self._on_pong(self._sent, self._number, received, received - self._sent, payload)
        self._wait(self._interval)
        return True

    def stop(self) -> None:
        """Send no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wait(self, seconds: float) -> None:
        self.stop()
        self._timer = self._face.call_later(seconds, self._due)

    def _due(self) -> None:
        """Look at the clock once per interval, not at each octet: whatever came since has put off the ping, or stands for the pong."""
        self._timer = None
        now = self._face.now()
        if self._pending is None:
            rest = self._last_life + self._interval - now
            if rest > 0.001:
                self._wait(rest)
            else:
                self._ping(now)
        elif self._last_life > self._sent:
            self._pending = None
            self._wait(max(self._last_life + self._interval - now, 0.001))
        else:
            self._on_timeout()

    def _ping(self, now: float) -> None:
        self._number += 1
        number = (self._number % 2**32).to_bytes(_NUMBER, "big")
        self._pending = number + secrets.token_bytes(self._size - _NUMBER)
        self._sent = now
        if self._timeout:
            self._wait(self._timeout)
        self._send(self._pending)
