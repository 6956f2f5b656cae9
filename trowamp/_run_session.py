"""The life of a session over an open connection: its tasks, its body, its end.

Whatever ends the block, exactly one failure comes out of it: the body's own exception, or what a handler raised, or why the session ended.
"""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import NamedTuple

import trio
from trio.lowlevel import enable_ki_protection

from ._exceptions import ConnectError, SessionClosed, SessionLost
from ._failures import leaves, outlive_the_block, raise_one
from ._join import JoinOptions, join
from ._pump import Pump
from ._session import Session
from ._shell import SessionShell
from ._types import SessionDetails
from .messages import Message

DEFAULT_CLOSE_TIMEOUT = 2.0


class KeepAlive:
    """When a silent router is pinged and given up.

    Args:
        interval: Seconds of silence before a ping; `math.inf` turns it off.
        timeout: Seconds to wait for any octet after it.
    """

    def __init__(self, interval: float, timeout: float) -> None:
        if interval <= 0 or timeout <= 0:
            raise ValueError("ping_interval and ping_timeout must be more than 0 seconds; math.inf turns pings off")
        self.interval = interval
        self.timeout = timeout


class Opened(NamedTuple):
    """A connection over which messages can flow, before anybody has joined.

    Attributes:
        pump: The connection.
        messages: What was received already.
        join_deadline: When, on Trio's clock, the session must have been joined.
        keep_alive: Whether and when to ping the router.
    """

    pump: Pump
    messages: list[Message]
    join_deadline: float
    keep_alive: KeepAlive | None


@asynccontextmanager
async def run_session(
    opened: Opened, realm: str, options: JoinOptions, *, after_gap: bool = False
) -> AsyncGenerator[Session, None]:
    """Join over an opened connection, yield the session, leave. The connection is closed in any case.

    Args:
        opened: The connection.
        realm: The realm to join.
        options: How to join and run.
        after_gap: Whether an earlier session's subscriptions are about to be restored.

    Raises:
        ConnectError, JoinError, RemoteProtocolError: There is no session.
        SessionClosed, SessionLost: The session ended by itself.
    """
    pump = opened.pump
    failures: list[BaseException] = []
    shell: SessionShell | None = None
    closing = trio.CancelScope(shield=True)
    close_timeout = options.get("close_timeout", DEFAULT_CLOSE_TIMEOUT)
    try:
        async with trio.open_nursery() as nursery:
            connection: trio.Nursery = await nursery.start(outlive_the_block)
            connection.start_soon(pump.write, name="trowamp writer")
            try:
                details, messages = await _join_until(opened, realm, options)
                async with trio.open_nursery() as handlers:
                    shell = SessionShell(
                        pump,
                        details,
                        handlers,
                        reveal_errors=options.get("reveal_errors", False),
                        check_features=options.get("check_features", True),
                        check_types=options.get("check_types", False),
                        after_gap=after_gap,
                        payload_codec=options.get("payload_codec"),
                    )
                    _start_tasks(connection, shell, messages, opened.keep_alive)
                    try:
                        with shell.body:
                            yield Session(shell)
                    except BaseException as error:  # noqa: BLE001  # raised again below, outside of the nurseries
                        failures.append(error)
                    closing.deadline = trio.current_time() + close_timeout
                    await _leave(shell, closing.deadline)
                    handlers.cancel_scope.cancel()
            except BaseException as error:  # noqa: BLE001  # raised again below, outside of the nursery
                failures.extend(leaves(error))
            closing.deadline = min(closing.deadline, trio.current_time() + close_timeout)
            try:
                with closing:
                    await pump.transport.aclose()
            finally:
                connection.cancel_scope.cancel()
    except BaseException as error:  # noqa: BLE001  # raised again below
        failures.extend(leaves(error))
    finally:
        pump.transport.abort()
    _raise_one(failures, shell)


async def _join_until(opened: Opened, realm: str, options: JoinOptions) -> tuple[SessionDetails, list[Message]]:
    with trio.CancelScope(deadline=opened.join_deadline):
        return await join(opened.pump, realm, options, opened.messages)
    raise ConnectError(f"the router did not answer the request to join realm {realm!r} in time")


def _start_tasks(
    nursery: trio.Nursery, shell: SessionShell, messages: list[Message], keep_alive: KeepAlive | None
) -> None:
    nursery.start_soon(shell.read, messages, name="trowamp reader")
    if keep_alive is not None and keep_alive.interval < math.inf:
        nursery.start_soon(shell.keep_alive, keep_alive.interval, keep_alive.timeout, name="trowamp keep-alive")


@enable_ki_protection
async def _leave(shell: SessionShell, deadline: float) -> None:
    """Say GOODBYE and wait for the router's, then close the connection in good order; no longer than until `deadline`."""
    with trio.CancelScope(deadline=deadline, shield=True):
        shell.say_goodbye()
        await shell.ended.wait()
        link = shell.pump.link
        queued = link.queued_octets
        link.close()
        await shell.pump.drain()
        if link.queued_octets > queued:  # the transport has a closing handshake of its own: WebSocket
            await shell.disconnected.wait()


def _raise_one(failures: list[BaseException], shell: SessionShell | None) -> None:
    """Raise what the block has to tell: what went wrong in it, or else why the session ended."""
    if shell is not None:
        failures = [_collapsed(failure) for failure in (*failures, *shell.failures)]
        if not failures and shell.ended_by_itself and shell.error is not None:
            raise shell.error
        if not failures and shell.pump.refused:  # while it was leaving: nobody has been told
            raise SessionLost(shell.pump.refused)
    raise_one(failures)


def _collapsed(error: BaseException) -> BaseException:
    """Turn a group that holds nothing but this session's end into that end: the tasks of a user's nursery all learn of it."""
    if not isinstance(error, BaseExceptionGroup):
        return error
    ends, others = error.split((SessionLost, SessionClosed))
    return error if ends is None or others is not None else leaves(ends)[0]
