"""How a session begins and ends: connect, join, (challenge), leave, disconnect, and who is told of it in which order.

At each of these the listeners are called first, then the method that subclasses override. What they return may be a future: the next step waits for
it, messages do not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import trowamp
from trowamp import uris
from trowamp.messages import Authenticate, Message, Welcome
from trowamp.messages import Challenge as ChallengeMessage
from trowamp.protocol import CLIENT_ROLES, ClientSession, Ended, Join

from ._channel import Carrier, ForeignChannel
from ._connection import NativeTransport
from ._convert import to_compat
from ._errors import as_compat_errors, explanation_of
from ._procedures import Running
from ._requests import Pending
from ._session import SessionBase
from .exception import ProtocolError, TransportLost
from .types import Challenge, CloseDetails, SessionDetails

JOIN_TIMEOUT: Final = 15.0  # seconds that a router has to answer a HELLO or an AUTHENTICATE
GOODBYE_TIMEOUT: Final = 5.0  # seconds that a router has to answer a GOODBYE (W-21)


class Lifecycle(SessionBase):
    """The part of a session that begins and ends it."""

    _join: Join | None = None
    _offered: Sequence[str] = ()  # authentication methods
    _asked_realm = ""
    _join_timer: Any = None
    _goodbye_timer: Any = None
    _is_leaving = False  # while listeners and `onLeave` are told
    _lost: bool | None = None  # the transport was lost meanwhile: whether cleanly

    # ---- the transport

    def onOpen(self, transport: Any) -> None:
        """The transport is open: connect."""
        self._transport = transport
        self._inbox.clear()
        if isinstance(transport, NativeTransport):
            self._face = transport._face  # what the connection runs on counts, not what is installed
            self._channel: Any = transport.link
            self._carrier = transport
            self._flush = transport.flush
            self._flush_soon = transport.flush_soon
        else:
            self._channel = self._carrier = ForeignChannel(transport, self._inbox)
            self._flush = self._flush_soon = self._inbox.release
        self._tell("connect", (self, transport), {}, self.onConnect, _nothing, otherwise=self.disconnect)

    def onClose(self, wasClean: bool) -> None:
        """The transport is gone: whatever waits fails, what runs is stopped."""
        self._transport = None
        self._carrier = Carrier()
        self._join = None
        self._has_answered()
        self._inbox.clear()
        self._flush = self._flush_soon = _nothing
        core = self._core
        if core is not None:
            self._farewell = None
            self._on_ended(core.lose("the transport was lost"))
        if self._is_leaving:
            self._lost = wasClean
        else:
            self._disconnected(wasClean)

    def _disconnected(self, was_clean: bool) -> None:
        self._tell("disconnect", (self,), {"was_clean": was_clean}, self.onDisconnect, _nothing)

    def _violated(self, text: str) -> None:
        """The peer broke the protocol below WAMP: say so, and end the session (W-30)."""
        core = self._core
        if core is not None:
            self._farewell = None
            self._on_ended(core.abort(uris.ERROR_PROTOCOL_VIOLATION, text))
        elif self._join is not None:
            self._join.give_up(uris.ERROR_PROTOCOL_VIOLATION, text)

    # ---- what subclasses override

    def onConnect(self) -> Any:
        """The transport is open; joins the configured realm."""
        self.join(self.config.realm)

    def onWelcome(self, msg: Any) -> Any:
        """The router welcomes the session; a text as the result refuses it."""

    def onChallenge(self, challenge: Challenge) -> Any:
        """The router asks for a proof; the result is the signature, a str or UTF-8 octets.

        Raises:
            RuntimeError: Not overridden.
        """
        raise RuntimeError(f"the router asks for a proof ({challenge.method}), but onChallenge is not overridden")

    def onJoin(self, details: SessionDetails) -> Any:
        """The session has been joined."""

    def onLeave(self, details: CloseDetails) -> Any:  # noqa: ARG002
        """The session is over; disconnects."""
        self.disconnect()

    def onDisconnect(self) -> Any:
        """The transport is gone."""

    # ---- join

    def join(
        self,
        realm: str | None,
        authmethods: Sequence[str] | None = None,
        authid: str | None = None,
        authrole: str | None = None,
        authextra: dict[str, Any] | None = None,
        resumable: bool | None = None,
        resume_session: int | None = None,
        resume_token: str | None = None,
    ) -> None:
        """Join a realm.

        Args:
            realm: The realm.
            authmethods: Authentication methods, in the order of preference.
            authid: Who to be.
            authrole: In which role.
            authextra: What the methods need besides.
            resumable: Asks the router for a session that can be resumed. What it says to this and the next two is in `SessionDetails`; nothing is
                restored here: registrations and subscriptions are made in `onJoin`.
            resume_session: The session to resume.
            resume_token: The secret for that.

        Raises:
            TransportLost: There is no transport.
            Exception: The session has been joined already, or there is no realm.
            SerializationError: `authextra` cannot be sent.
        """
        if self._transport is None:
            raise TransportLost("there is no transport")
        if self._session_id is not None or self._join is not None:
            raise Exception("already joined")
        if realm is None:
            raise Exception("there is no realm to join")
        self._offered = list(authmethods or ())
        self._asked_realm = realm
        self._farewell = None
        self._left_with = None
        resumption = {"resumable": resumable, "resume-session": resume_session, "resume-token": resume_token}
        with as_compat_errors():
            self._join = Join(
                self._channel,
                realm,
                authenticators=[_Offered(method) for method in self._offered],
                agent=_AGENT,
                authid=authid,
                authrole=authrole,
                authextra=authextra,
                roles=ROLES,
                more={key: value for key, value in resumption.items() if value is not None},
            )
        self._flush()
        self._await_answer()

    def _await_answer(self) -> None:
        """Give the router some time to answer what was said to it while joining; a foreign transport has its own ideas of time."""
        transport = self._transport
        if isinstance(transport, NativeTransport):
            why = f"the router did not let the session join within {JOIN_TIMEOUT:g} s"
            self._join_timer = self._face.call_later(JOIN_TIMEOUT, transport.give_up, why)

    def _has_answered(self) -> None:
        if self._join_timer is not None:
            self._join_timer.cancel()
            self._join_timer = None

    def _handle_outside(self, message: Message) -> None:
        join = self._join
        if join is None:
            return  # left, or never joined: nothing that is said now counts
        self._has_answered()
        if type(message) is ChallengeMessage and (not self._offered or message.method in self._offered):
            self._challenged(message)
            return
        outcome = join.receive(message)
        if isinstance(outcome, trowamp.SessionDetails):
            assert isinstance(message, Welcome)
            self._welcomed(message, outcome)
        elif isinstance(outcome, trowamp.JoinError):
            self._refused(CloseDetails(outcome.reason, outcome.message))
        elif isinstance(outcome, trowamp.RemoteProtocolError):
            self._refused(CloseDetails(uris.ERROR_PROTOCOL_VIOLATION, str(outcome)))

    def _challenged(self, message: ChallengeMessage) -> None:
        self._ask(
            self.onChallenge,
            Challenge(message.method, message.extra),
            self._answer,
            lambda error: self._give_up(error, "onChallenge failed"),
        )

    def _answer(self, signature: Any) -> None:
        if isinstance(signature, bytes):
            signature = signature.decode()
        if not isinstance(signature, str):
            self._give_up(TypeError("onChallenge must return a str or octets"), "onChallenge failed")
        elif self._join is not None:
            self._join.resume(Authenticate(signature, {}))
            self._flush()
            self._await_answer()

    def _give_up(self, error: BaseException, what: str) -> None:
        """The client itself refuses to go on."""
        self._user_error(error, what)
        self._deny(str(error))

    def _deny(self, text: str, reason: str = uris.ERROR_CANNOT_AUTHENTICATE) -> None:
        join = self._join
        if join is not None:
            join.give_up(reason, text)
            self._flush()
            self._refused(CloseDetails(reason, text))

    def _refused(self, details: CloseDetails) -> None:
        """There is no session, and there will be none."""
        self._join = None
        self._left(details)

    def _welcomed(self, message: Welcome, details: trowamp.SessionDetails) -> None:
        def decided(denied: Any) -> None:
            if self._join is None:
                return
            if denied is not None:
                self._deny(str(denied))
            else:
                self._joined(details)

        try:
            welcome = to_compat(message)
        except ProtocolError as error:
            self._deny(str(error), uris.ERROR_PROTOCOL_VIOLATION)
            return
        self._ask(self.onWelcome, welcome, decided, lambda error: self._give_up(error, "onWelcome failed"))

    def _ask(
        self,
        function: Callable[[Any], Any],
        argument: Any,
        on_result: Callable[[Any], None],
        on_error: Callable[[BaseException], None],
    ) -> None:
        """Ask the user something; no message is handled before there is an answer."""
        try:
            result = function(argument)
        except Exception as error:  # noqa: BLE001  # told, and the session is given up
            on_error(error)
            return
        future = self._face.future_of(result)
        if future is None:
            on_result(result)
            return
        self._inbox.is_waiting = True
        transport = self._transport

        def go_on(then: Callable[[Any], None], value: Any) -> None:
            if self._transport is transport is not None:
                self._inbox.is_waiting = False
                then(value)
                self._inbox.drain()
                self._flush()  # nothing else does: no read is under way

        self._face.when_done(future, lambda value: go_on(on_result, value), lambda error: go_on(on_error, error))

    def _joined(self, details: trowamp.SessionDetails) -> None:
        self._join = None
        self._core = ClientSession(self._channel, details)
        self._session_id = details.session_id
        self._realm = details.realm
        self._authid = details.authid
        self._authrole = details.authrole
        self._authmethod = details.authmethod
        self._authprovider = details.authprovider
        self._authextra = details.authextra
        transport = self._transport
        self._session_details = SessionDetails(
            realm=details.realm,
            session=details.session_id,
            authid=details.authid,
            authrole=details.authrole,
            authmethod=details.authmethod,
            authprovider=details.authprovider,
            authextra=details.authextra,
            serializer=transport.link.serializer.name if isinstance(transport, NativeTransport) else None,
            transport=getattr(transport, "transport_details", None),
            resumed=details.details.get("resumed"),
            resumable=details.details.get("resumable"),
            resume_token=details.details.get("resume_token"),
        )
        told = self._session_details
        core = self._core  # the session may be over, or another one, when the listeners have finished

        def ready() -> None:
            if self._core is core:
                self._tell("ready", (self,), {}, _nothing, _nothing)

        self._tell(
            "join",
            (self, told),
            {},
            lambda: self.onJoin(told) if self._core is core else None,
            ready,
            is_needed=True,
        )

    # ---- leave

    def leave(self, reason: str | None = None, message: str | None = None) -> Any:
        """Say goodbye.

        Args:
            reason: The reason's URI; default: "wamp.close.normal".
            message: Words for people.

        Returns:
            A future that is done when the transport is closed; done already if there is no session.
        """
        core, transport = self._core, self._transport
        if core is None:
            self.log.warn("session is not joined on a realm: there is nothing to leave")
            future = self._face.create_future()
            self._face.resolve(future)
            return future
        if core.is_established:  # else it is being left already
            self._left_with = reason or CloseDetails.REASON_DEFAULT
            replies = core.goodbye(self._left_with, message)
            self._goodbye_timer = self._face.call_later(GOODBYE_TIMEOUT, self._goodbye_unanswered)
            self._settle(replies)
            self._flush()
        return (
            transport.when_closed() if isinstance(transport, NativeTransport) else getattr(transport, "is_closed", None)
        )

    def _goodbye_unanswered(self) -> None:
        transport, core = self._transport, self._core
        if core is not None:
            self._on_ended(core.lose("the router did not answer the GOODBYE"), CloseDetails.REASON_TRANSPORT_LOST)
        if transport is not None:
            transport.abort()

    def disconnect(self) -> None:
        """Close the transport."""
        if self._transport is not None:
            self._transport.close()

    def is_connected(self) -> bool:
        """Tell whether there is an open transport."""
        return self._transport is not None and bool(self._transport.isOpen())

    def is_attached(self) -> bool:
        """Tell whether the session has been joined."""
        return self._session_id is not None and self.is_connected()

    def _settle(self, replies: list[Any]) -> None:
        for reply in replies:
            reply.waiter.settle(reply.message, reply.error)

    def _on_ended(self, inbound: Ended[Pending], reason: str = uris.ERROR_PROTOCOL_VIOLATION) -> None:
        """The session is over.

        Args:
            inbound: Why, and who has to be told.
            reason: The reason of an end that neither the router nor the loss of the transport has brought about.
        """
        self._core = None
        self._session_id = None
        if self._goodbye_timer is not None:
            self._goodbye_timer.cancel()
            self._goodbye_timer = None
        # Who waits for a request goes on after `onLeave`, and before the connection is closed.
        resumes_later = self._face.resumes_later
        if resumes_later:
            self._settle(inbound.replies)
        for running in sorted(self._running, key=_has_begun):  # those that wait before those whose end lets them begin
            running.abandon()
        for registration in list(self._registrations.values()):
            self._forget_registration(registration)
        for subscription in list(self._subscribers):
            self._forget_subscription(subscription)
        self._flush_soon()
        error = inbound.error
        if self._farewell is None and isinstance(error, trowamp.SessionLost) and self._transport is not None:
            self._left(CloseDetails(reason, error.reason))
        else:
            self._left(self._close_details())
        if not resumes_later:
            self._settle(inbound.replies)

    def _left(self, details: CloseDetails) -> None:
        self._is_leaving = True
        self._tell("leave", (self, details), {}, lambda: self.onLeave(details), self._has_left, is_certain=True)

    def _has_left(self) -> None:
        """After `onLeave`: a transport that nobody uses any more is closed (C-36)."""
        self._is_leaving = False
        transport = self._transport
        if transport is None:
            if self._lost is not None:
                was_clean, self._lost = self._lost, None
                self._disconnected(was_clean)
        elif self._core is None and self._join is None:
            transport.close()

    # ---- telling

    def _tell(
        self,
        event: str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        hook: Callable[[], Any],
        then: Callable[[], None],
        *,
        is_needed: bool = False,
        is_certain: bool = False,
        otherwise: Callable[[], None] | None = None,
    ) -> None:
        """Tell listeners, then a method, then go on.

        Args:
            event: What the listeners listen to.
            args: What they get.
            kwargs: What they get by name, if they know the name.
            hook: Calls the method.
            then: What comes next.
            is_needed: Whether a listener that fails keeps the method from being called.
            is_certain: Whether it goes on after failures.
            otherwise: What comes instead if the method fails: nobody else would end what has only begun (W-12).
        """

        def failed(error: BaseException) -> None:
            self._user_error(error, f"failure in a listener or method for {event!r}")
            if self._ends_by(event, error):
                return
            if is_certain:
                then()
            elif otherwise is not None:
                otherwise()

        def call_hook(_: object = None) -> None:
            self._step(hook, lambda _: then(), failed)

        def listener_failed(error: BaseException) -> None:
            self._user_error(error, explanation_of(error) or f"failure in a listener for {event!r}")
            if not self._ends_by(event, error) and not is_needed:
                call_hook()

        pending, error = self._told(event, args, kwargs)
        if error is not None:
            listener_failed(error)
        elif not pending:
            call_hook()
        else:
            self._face.when_done(self._face.gather(pending, consume_exceptions=False), call_hook, listener_failed)

    def _step(
        self,
        function: Callable[[], Any],
        on_result: Callable[[Any], None],
        on_error: Callable[[BaseException], None],
    ) -> None:
        try:
            result = function()
        except Exception as error:  # noqa: BLE001  # told
            on_error(error)
            return
        future = self._face.future_of(result)
        if future is None:
            on_result(result)
        else:
            self._face.when_done(future, on_result, on_error)


class _Offered:
    """An authentication method that `onChallenge` answers."""

    authid = None
    authrole = None

    def __init__(self, method: str) -> None:
        self.method = method

    def authextra(self) -> dict[str, Any]:
        return {}

    def answer(self, challenge: ChallengeMessage) -> Authenticate:
        raise ValueError(f"{challenge.method} is answered by onChallenge")

    def check_welcome(self, authextra: dict[str, Any]) -> None:
        """What the router proves is checked by `onWelcome`."""


def _roles() -> dict[str, Any]:
    """Announce what sessions of this package do: no further inputs of a call, but payloads that a codec encodes."""
    roles = {role: {"features": dict(told["features"])} for role, told in CLIENT_ROLES.items()}
    for told in roles.values():
        told["features"].pop("progressive_call_invocations", None)
        told["features"]["payload_transparency"] = True
        told["features"]["payload_encryption_cryptobox"] = True
    return roles


ROLES: Final = _roles()
_AGENT: Final = f"trowamp-compat-{trowamp.__version__}"


def _has_begun(running: Running) -> bool:
    return running.has_begun


def _nothing() -> None:
    pass
