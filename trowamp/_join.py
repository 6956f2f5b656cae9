"""Joining a realm over a pump: the transport's handshake, then HELLO to WELCOME."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, TypedDict

import trio

from ._byte_pump import BytePump
from ._exceptions import ConnectError, JoinError, MessageTooLarge, RemoteProtocolError
from ._pump import Pump
from ._types import SessionDetails
from ._version import __version__
from .auth._client import ClientAttempt, ClientAuthenticator, Work
from .messages import Message
from .payloads import PayloadCodec
from .protocol import Join

Auth = ClientAuthenticator | Sequence[ClientAuthenticator] | None


class JoinOptions(TypedDict, total=False):
    """How a session is joined and run, whatever carries it; `open_session` documents each of them."""

    auth: Auth
    authid: str | None
    authrole: str | None
    authextra: dict[str, Any] | None
    agent: str
    close_timeout: float
    reveal_errors: bool
    check_features: bool
    check_types: bool
    payload_codec: PayloadCodec | None


async def open_link(pump: BytePump, where: str) -> list[Message]:
    """Bring the link through its transport's handshake; return the messages that came along.

    Raises:
        ConnectError: The peer refused the handshake, or is no WAMP router.
    """
    link = pump.link
    messages: list[Message] = []
    while True:
        await pump.send_queued()
        if link.error is not None or link.is_closed:
            raise ConnectError(
                f"cannot open a session at {where}: {pump.broken or link.error or link.close_reason}"
            ) from link.error
        if link.is_open:
            return messages
        messages += await pump.receive()


async def join(
    pump: Pump, realm: str, options: JoinOptions, messages: list[Message]
) -> tuple[SessionDetails, list[Message]]:
    """Join a realm.

    Args:
        pump: An open connection.
        realm: The realm.
        options: Who joins, and how.
        messages: What was received already.

    Returns:
        The session's details, and the messages that came together with the WELCOME.

    Raises:
        JoinError: The router refused the session, or the client the router's challenge.
        ConnectError: The connection broke or ended, or takes no message as long as HELLO.
        RemoteProtocolError: The peer broke the protocol.
    """
    try:
        handshake = Join(
            pump.link,
            realm,
            authenticators=_begin(options.get("auth")),
            agent=options.get("agent") or f"trowamp-{__version__}",
            authid=options.get("authid"),
            authrole=options.get("authrole"),
            authextra=options.get("authextra"),
        )
    except MessageTooLarge as error:
        raise ConnectError(f"the router accepts too little for joining realm {realm!r}: {error}") from error
    while True:
        for index, message in enumerate(messages):
            outcome = handshake.receive(message)
            if isinstance(outcome, Work):
                outcome = await _finish(handshake, outcome)
            pump.flush()
            if isinstance(outcome, SessionDetails):
                return outcome, messages[index + 1 :]
            if outcome is not None:
                raise outcome
        link = pump.link
        if isinstance(link.error, RemoteProtocolError):
            raise link.error
        if link.error is not None or link.is_closed:
            reason = link.error or pump.broken or link.close_reason
            raise ConnectError(f"the connection ended while joining realm {realm!r}: {reason}") from link.error
        pump.flush()
        messages = await pump.receive()


def _begin(auth: Auth) -> list[ClientAttempt]:
    """Begin a handshake with each method."""
    nonce = os.urandom(32)
    authenticators = () if auth is None else auth if isinstance(auth, Sequence) else (auth,)
    return [authenticator.begin(nonce) for authenticator in authenticators]


async def _finish(handshake: Join, work: Work) -> JoinError | None:
    """Stretch a password and the like in a thread: it takes long enough to disturb everybody else."""
    try:
        handshake.resume(await trio.to_thread.run_sync(work.run, abandon_on_cancel=True))
    except ValueError as error:
        return handshake.refuse(error)
    return None
