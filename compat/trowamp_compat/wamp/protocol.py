"""WAMP sessions, whatever the event loop.

`trowamp_compat.asyncio.wamp` and `trowamp_compat.twisted.wamp` have these classes with a loop beneath; programs derive from those.
"""

from __future__ import annotations

from typing import Any

from ._authenticators import agreed, check_welcome, merged_authextra
from ._receiving import Receiving
from ._requesting import Requesting
from ._type_check import type_checked
from .request import Publication, Registration, Subscription
from .types import CloseDetails, ComponentConfig, SessionDetails

__all__ = [
    "ApplicationSession",
    "ApplicationSessionFactory",
    "Publication",
    "Registration",
    "Subscription",
]


class ApplicationSession(Receiving, Requesting):
    """A WAMP session, to be derived from: override `onConnect`, `onJoin`, `onLeave`, `onDisconnect`, `onChallenge`.

    Args:
        config: The configuration; its `keyring`, if it is a payload codec, encrypts payloads.
    """

    @property
    def transport(self) -> Any:
        """The transport, while there is one."""
        return self._transport

    @property
    def session_details(self) -> SessionDetails | None:
        """What is known of the session, once it has been joined."""
        return self._session_details

    @property
    def realm(self) -> str | None:
        """The realm."""
        return self._realm

    @property
    def session_id(self) -> int | None:
        """The session's id, while it is joined."""
        return self._session_id

    @property
    def authid(self) -> str | None:
        """Who the session is to the router."""
        return self._authid

    @property
    def authrole(self) -> str | None:
        """In which role."""
        return self._authrole

    @property
    def authmethod(self) -> str | None:
        """How that was proved."""
        return self._authmethod

    @property
    def authprovider(self) -> str | None:
        """Who decided."""
        return self._authprovider

    @property
    def authextra(self) -> dict[str, Any] | None:
        """What the router told besides."""
        return self._authextra

    def define(self, exception: type[BaseException], error: str | None = None) -> None:
        """Let an exception class stand for an error URI, in both directions.

        Args:
            exception: The class; decorated with `wamp.error`, or not.
            error: The URI, if it is not decorated.

        Raises:
            RuntimeError: There is no URI, or there are two.
        """
        self._errors.define(exception, error)

    def set_payload_codec(self, payload_codec: Any) -> None:
        """Encode and decode payloads with this; None for no more."""
        self._payload_codec = payload_codec

    def get_payload_codec(self) -> Any:
        """Return the payload codec."""
        return self._payload_codec

    def type_check(self, func: Any) -> Any:
        """Decorate a function: its arguments are compared with its annotations."""
        return type_checked(func)


class Pep8Session(ApplicationSession):
    """A session with hooks in snake case, and with authenticators: `on_connect`, `on_welcome`, `on_join`, `on_leave`, `on_disconnect`."""

    def __init__(self, config: ComponentConfig | None = None) -> None:
        super().__init__(config)
        self._authenticators: dict[str, Any] = {}

    # ---- what subclasses override

    def on_welcome(self, msg: Any) -> Any:
        """The router welcomes the session; a text as the result refuses it."""

    def on_join(self, details: SessionDetails) -> Any:
        """The session has been joined."""

    def on_leave(self, details: CloseDetails) -> Any:  # noqa: ARG002
        """The session is over; disconnects."""
        self.disconnect()

    def on_connect(self) -> Any:
        """The transport is open; joins the configured realm."""
        self.join(self.config.realm)

    def on_disconnect(self) -> Any:
        """The transport is gone."""

    # ---- authenticators

    def add_authenticator(self, authenticator: Any, **options: Any) -> None:
        """Authenticate by a method.

        Args:
            authenticator: An `IAuthenticator`, or the name of one, such as "wampcra".
            options: What makes the named one: `authid`, `secret` and so on.

        Raises:
            ValueError: There is no method of this name, or an option is wrong.
        """
        if isinstance(authenticator, str):
            from .auth import create_authenticator  # noqa: PLC0415  # needs cryptography, unlike most sessions

            authenticator = create_authenticator(authenticator, **options)
        self._authenticators[authenticator.name] = authenticator

    def onConnect(self) -> Any:
        if not self._authenticators:
            return self.on_connect()
        authenticators = list(self._authenticators.values())
        self.join(
            self.config.realm,
            authmethods=list(self._authenticators),
            authid=agreed(authenticators, "authid"),
            authrole=agreed(authenticators, "authrole"),
            authextra=merged_authextra(authenticators),
        )
        return None

    def onChallenge(self, challenge: Any) -> Any:
        authenticator = self._authenticators.get(challenge.method)
        if authenticator is None:
            raise RuntimeError(f"the router asks for {challenge.method!r}, for which there is no authenticator")
        return authenticator.on_challenge(self, challenge)

    def onWelcome(self, msg: Any) -> Any:
        authenticator = self._authenticators.get(msg.authmethod)
        if authenticator is None:
            return self.on_welcome(msg)
        denied = check_welcome(authenticator, self, msg.authextra)
        return self.on_welcome(msg) if denied is None else denied

    def onJoin(self, details: SessionDetails) -> Any:
        return self.on_join(details)

    def onLeave(self, details: CloseDetails) -> Any:
        return self.on_leave(details)

    def onDisconnect(self) -> Any:
        return self.on_disconnect()


class ApplicationSessionFactory:
    """Makes sessions.

    Args:
        config: What they are constructed with.

    Attributes:
        session: The class of the sessions.
    """

    session: Any = ApplicationSession

    def __init__(self, config: ComponentConfig | None = None) -> None:
        self.config = config if config is not None else ComponentConfig(realm="realm1")

    def __call__(self) -> Any:
        """Make a session."""
        session = self.session(self.config)
        session.factory = self
        return session
