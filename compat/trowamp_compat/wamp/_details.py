"""What handlers, endpoints and sessions are told, and what they return."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from trowamp import uris

from ._described import Described, require
from .request import Registration, Subscription

__all__ = [
    "Accept",
    "CallDetails",
    "CallResult",
    "Challenge",
    "CloseDetails",
    "ComponentConfig",
    "Deny",
    "EncodedPayload",
    "EventDetails",
    "HelloDetails",
    "HelloReturn",
    "Invocation",
    "SessionIdent",
]

_CALL_METADATA = ("enc_algo", "callee", "callee_authid", "callee_authrole", "forward_for")


class ComponentConfig(Described):
    """What a session is constructed with.

    Args:
        realm: The realm to join.
        extra: Anything of the application's own.
        keyring: A payload codec, such as a `KeyRing`.
        controller: A session of whoever hosts this one.
        shared: A dictionary that sessions of one host share.
        runner: What runs the session.

    Raises:
        AssertionError: A value has the wrong type.
    """

    __slots__ = ("controller", "extra", "keyring", "realm", "runner", "shared")
    SHOWN = ("<realm>", "extra", "keyring", "controller", "shared", "runner")

    def __init__(
        self,
        realm: str | None = None,
        extra: Any = None,
        keyring: Any = None,
        controller: Any = None,
        shared: dict[str, Any] | None = None,
        runner: Any = None,
    ) -> None:
        require(realm is None or isinstance(realm, str), f"realm must be a string, not {realm!r}")
        require(shared is None or isinstance(shared, dict), "shared must be a dictionary")
        self.realm = realm
        self.extra = extra
        self.keyring = keyring
        self.controller = controller
        self.shared = shared
        self.runner = runner


class CallDetails(Described):
    """What an endpoint can be told of an invocation.

    Attributes:
        registration: The registration that was called.
        progress: Sends a progressive result: `progress(*args, **kwargs)`; None if the caller wants none.
        caller: The caller's session id, if it is disclosed.
        caller_authid: The caller's authid, likewise.
        caller_authrole: The caller's authrole, likewise.
        procedure: The URI that was called.
        transaction_hash: The application's hash of what it belongs to.
        enc_algo: How the payload was encrypted, or None.
        forward_for: The sessions that have forwarded the call.
    """

    __slots__ = (
        "caller",
        "caller_authid",
        "caller_authrole",
        "enc_algo",
        "forward_for",
        "procedure",
        "progress",
        "registration",
        "transaction_hash",
    )
    SHOWN = (
        "registration",
        "progress",
        "caller",
        "caller_authid",
        "caller_authrole",
        "<procedure>",
        "transaction_hash",
        "enc_algo",
        "forward_for",
    )

    def __init__(
        self,
        registration: Registration,
        progress: Callable[..., Any] | None = None,
        caller: int | None = None,
        caller_authid: str | None = None,
        caller_authrole: str | None = None,
        procedure: str | None = None,
        transaction_hash: str | None = None,
        enc_algo: str | None = None,
        forward_for: list[dict[str, Any]] | None = None,
    ) -> None:
        self.registration = registration
        self.progress = progress
        self.caller = caller
        self.caller_authid = caller_authid
        self.caller_authrole = caller_authrole
        self.procedure = procedure
        self.transaction_hash = transaction_hash
        self.enc_algo = enc_algo
        self.forward_for = forward_for


class Invocation(CallDetails):
    """The details of an endpoint with a parameter whose default is this class: `def endpoint(x, invocation=Invocation)` (C-5).

    Here `progress` can always be called; it does nothing if the caller wants no progressive results (C-6).
    """

    __slots__ = ()

    progress: Callable[..., Any]

    def __init__(
        self, registration: Registration, progress: Callable[..., Any] | None = None, *args: Any, **kwargs: Any
    ) -> None:
        super().__init__(registration, _unwanted if progress is None else progress, *args, **kwargs)


def _unwanted(*_args: Any, **_kwargs: Any) -> None:
    """Do nothing with a progressive result that nobody asked for."""


class EventDetails(Described):
    """What a handler can be told of an event.

    Attributes:
        subscription: The subscription.
        publication: The publication's id.
        publisher: The publisher's session id, if it is disclosed.
        publisher_authid: The publisher's authid, likewise.
        publisher_authrole: The publisher's authrole, likewise.
        topic: The topic that was published to.
        retained: Whether the broker had retained the event.
        transaction_hash: The application's hash of what it belongs to.
        enc_algo: How the payload was encrypted, or None.
        forward_for: The sessions that have forwarded the event.
    """

    __slots__ = (
        "enc_algo",
        "forward_for",
        "publication",
        "publisher",
        "publisher_authid",
        "publisher_authrole",
        "retained",
        "subscription",
        "topic",
        "transaction_hash",
    )
    SHOWN = (
        "subscription",
        "publication",
        "publisher",
        "publisher_authid",
        "publisher_authrole",
        "<topic>",
        "retained",
        "transaction_hash",
        "enc_algo",
        "forward_for",
    )

    def __init__(
        self,
        subscription: Subscription,
        publication: int,
        publisher: int | None = None,
        publisher_authid: str | None = None,
        publisher_authrole: str | None = None,
        topic: str | None = None,
        retained: bool | None = None,
        transaction_hash: str | None = None,
        enc_algo: str | None = None,
        forward_for: list[dict[str, Any]] | None = None,
    ) -> None:
        self.subscription = subscription
        self.publication = publication
        self.publisher = publisher
        self.publisher_authid = publisher_authid
        self.publisher_authrole = publisher_authrole
        self.topic = topic
        self.retained = retained
        self.transaction_hash = transaction_hash
        self.enc_algo = enc_algo
        self.forward_for = forward_for


class CallResult(Described):
    """A result with several values, or with keyword values. Endpoints return it, calls come to it.

    Keyword arguments named `enc_algo`, `callee`, `callee_authid`, `callee_authrole` and `forward_for` are no results: they become attributes.
    `from_wire` takes such names as results.

    Attributes:
        results: The positional values, a tuple.
        kwresults: The keyword values, a dictionary.
        enc_algo: How the payload was encrypted, or None.
        callee: The callee's session id, if it is disclosed.
        callee_authid: The callee's authid, likewise.
        callee_authrole: The callee's authrole, likewise.
        forward_for: The sessions that have forwarded the result.
    """

    __slots__ = ("callee", "callee_authid", "callee_authrole", "enc_algo", "forward_for", "kwresults", "results")
    SHOWN = ("results", "kwresults", *_CALL_METADATA)

    def __init__(self, *results: Any, **kwresults: Any) -> None:
        self.enc_algo: str | None = kwresults.pop("enc_algo", None)
        self.callee: int | None = kwresults.pop("callee", None)
        self.callee_authid: str | None = kwresults.pop("callee_authid", None)
        self.callee_authrole: str | None = kwresults.pop("callee_authrole", None)
        self.forward_for: list[dict[str, Any]] | None = kwresults.pop("forward_for", None)
        self.results = results
        self.kwresults = kwresults

    @classmethod
    def from_wire(
        cls, args: Sequence[Any] | None = None, kwargs: Mapping[str, Any] | None = None, **metadata: Any
    ) -> CallResult:
        """Make the result of a RESULT message; nothing in its payload is taken for metadata (C-24)."""
        made = cls(*(args or ()), **metadata)
        made.kwresults = dict(kwargs or {})
        return made


class CloseDetails(Described):
    """Why a session ended.

    Attributes:
        reason: The reason's URI.
        message: Words for people, or None.
    """

    REASON_DEFAULT = "wamp.close.normal"
    REASON_TRANSPORT_LOST = "wamp.close.transport_lost"

    __slots__ = ("message", "reason")
    SHOWN = ("<reason>", "'message'")

    def __init__(self, reason: str | None = None, message: str | None = None) -> None:
        require(reason is None or isinstance(reason, str), "reason must be a URI")
        require(message is None or isinstance(message, str), "message must be a text")
        self.reason = reason
        self.message = message

    def marshal(self) -> dict[str, Any]:
        """Return it as a dictionary."""
        return {"reason": self.reason, "message": self.message}


class HelloDetails(Described):
    """What a router is told of a client that joins."""

    SHOWN = (
        "<realm>",
        "authmethods",
        "<authid>",
        "<authrole>",
        "authextra",
        "session_roles",
        "pending_session",
        "resumable",
        "resume_session",
        "resume_token",
    )
    __slots__ = tuple(field.strip("<>") for field in SHOWN)

    realm: str | None
    authmethods: list[str] | None
    authid: str | None
    authrole: str | None
    authextra: dict[str, Any] | None
    session_roles: dict[str, Any] | None
    pending_session: int | None
    resumable: bool | None
    resume_session: int | None
    resume_token: str | None

    def __init__(
        self,
        realm: str | None = None,
        authmethods: list[str] | None = None,
        authid: str | None = None,
        authrole: str | None = None,
        authextra: dict[str, Any] | None = None,
        session_roles: dict[str, Any] | None = None,
        pending_session: int | None = None,
        resumable: bool | None = None,
        resume_session: int | None = None,
        resume_token: str | None = None,
    ) -> None:
        self.realm = realm
        self.authmethods = authmethods
        self.authid = authid
        self.authrole = authrole
        self.authextra = authextra
        self.session_roles = session_roles
        self.pending_session = pending_session
        self.resumable = resumable
        self.resume_session = resume_session
        self.resume_token = resume_token


class HelloReturn(Described):
    """Base of the answers to a client that joins."""

    __slots__ = ()


class Accept(HelloReturn):
    """The client may join.

    Raises:
        AssertionError: A value has the wrong type.
    """

    SHOWN = ("<realm>", "<authid>", "<authrole>", "authmethod", "authprovider", "authextra")
    __slots__ = tuple(field.strip("<>") for field in SHOWN)

    realm: str | None
    authid: str | None
    authrole: str | None
    authmethod: str | None
    authprovider: str | None
    authextra: dict[str, Any] | None

    def __init__(
        self,
        realm: str | None = None,
        authid: str | None = None,
        authrole: str | None = None,
        authmethod: str | None = None,
        authprovider: str | None = None,
        authextra: dict[str, Any] | None = None,
    ) -> None:
        for value in (realm, authid, authrole, authmethod, authprovider):
            require(value is None or isinstance(value, str), f"a string is needed, not {value!r}")
        require(authextra is None or isinstance(authextra, dict), "authextra must be a dictionary")
        self.realm = realm
        self.authid = authid
        self.authrole = authrole
        self.authmethod = authmethod
        self.authprovider = authprovider
        self.authextra = authextra


class Deny(HelloReturn):
    """The client may not join.

    Raises:
        AssertionError: A value has the wrong type.
    """

    __slots__ = ("message", "reason")
    SHOWN = ("<reason>", "'message'")

    def __init__(self, reason: str = uris.ERROR_NOT_AUTHORIZED, message: str | None = None) -> None:
        require(isinstance(reason, str), "reason must be a URI")
        require(message is None or isinstance(message, str), "message must be a text")
        self.reason = reason
        self.message = message


class Challenge(HelloReturn):
    """The client has to prove something; also what `onChallenge` gets.

    Attributes:
        method: The authentication method.
        extra: What the method needs.

    Raises:
        AssertionError: A value has the wrong type.
    """

    __slots__ = ("extra", "method")
    SHOWN = ("method", "extra")

    def __init__(self, method: str, extra: dict[str, Any] | None = None) -> None:
        require(isinstance(method, str), "method must be a string")
        require(extra is None or isinstance(extra, dict), "extra must be a dictionary")
        self.method = method
        self.extra: dict[str, Any] = extra or {}


class SessionIdent(Described):
    """Who a session is.

    Attributes:
        session: Its id.
        authid: Its authid.
        authrole: Its authrole.
    """

    __slots__ = ("authid", "authrole", "session")
    SHOWN = ("session", "authid", "authrole")

    def __init__(self, session: int | None = None, authid: str | None = None, authrole: str | None = None) -> None:
        self.session = session
        self.authid = authid
        self.authrole = authrole

    def marshal(self) -> dict[str, Any]:
        """Return it as a dictionary, as `forward_for` holds it."""
        return {"session": self.session, "authid": self.authid, "authrole": self.authrole}

    @staticmethod
    def from_calldetails(call_details: CallDetails) -> SessionIdent:
        """Return the original caller: the first of `forward_for`, or the caller itself."""
        return _origin(
            call_details.forward_for, call_details.caller, call_details.caller_authid, call_details.caller_authrole
        )

    @staticmethod
    def from_eventdetails(event_details: EventDetails) -> SessionIdent:
        """Return the original publisher: the first of `forward_for`, or the publisher itself."""
        return _origin(
            event_details.forward_for,
            event_details.publisher,
            event_details.publisher_authid,
            event_details.publisher_authrole,
        )


def _origin(
    forward_for: list[dict[str, Any]] | None, session: int | None, authid: str | None, authrole: str | None
) -> SessionIdent:
    if forward_for:
        first = forward_for[0]
        return SessionIdent(first["session"], first.get("authid"), first["authrole"])
    return SessionIdent(session, authid, authrole)


class EncodedPayload:
    """A payload that a codec has encoded.

    Attributes:
        payload: The octets.
        enc_algo: How they were encoded.
        enc_serializer: What serialized the application's values before.
        enc_key: Which key was used.

    Raises:
        AssertionError: A value has the wrong type.
    """

    __slots__ = ("enc_algo", "enc_key", "enc_serializer", "payload")

    def __init__(
        self, payload: bytes, enc_algo: str, enc_serializer: str | None = None, enc_key: str | None = None
    ) -> None:
        require(isinstance(payload, bytes), "payload must be octets")
        require(isinstance(enc_algo, str), "enc_algo must be a string")
        self.payload = payload
        self.enc_algo = enc_algo
        self.enc_serializer = enc_serializer
        self.enc_key = enc_key
