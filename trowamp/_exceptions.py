"""Every exception of trowamp, drawn as a tree.

```
WampError
├─ ApplicationError(uri, *args, **kwargs)       the peer answered ERROR, or your procedure wants to
│    ├─ NoSuchProcedure, NoSuchRegistration, NoSuchSubscription, NoSuchSession
│    ├─ ProcedureAlreadyExists, InvalidUri, InvalidArgument, PayloadSizeExceeded
│    ├─ NotAuthorized, AuthorizationFailed, OptionNotAllowed, DiscloseMeNotAllowed
│    ├─ Canceled, CallTimeout, NoAvailableCallee, Unavailable, FeatureNotSupportedByPeer
│    └─ LimitReached, NoPayloadCodec, DecryptionFailed, TrustedUriMismatch
├─ JoinError(reason)                            the router refused the session (ABORT before WELCOME)
│    └─ NoSuchRealm, NoSuchRole, NoMatchingAuthMethod, NoSuchPrincipal, AuthenticationDenied,
│       AuthenticationRequired, AuthenticationFailed
├─ ConnectError (also an OSError)               no connection to the router could be made
├─ SessionClosed(reason)                        you left, or the router said goodbye ("closed")
├─ SessionLost(reason)                          the connection or the peer broke ("broken"; a retry may help)
├─ ProtocolError
│    ├─ LocalProtocolError                      what you asked for is not legal now
│    │    └─ FeatureNotSupported                the router does not announce what the option needs
│    └─ RemoteProtocolError                     the peer broke the rules
├─ SerializationError (also a ValueError)       a payload holds a value that WAMP cannot carry faithfully
├─ MessageTooLarge (also a ValueError)          a message is larger than the peer (or this side) accepts
├─ UnexpectedResult (also a ValueError)         a call's result does not convert to its result_type=
└─ BufferOverflow                               events, progressive results or inputs came faster than they were consumed
```

"Closed" and "broken" are two types on purpose: whoever catches `SessionClosed` is done, whoever catches `SessionLost` may try again.
"""

from __future__ import annotations

from typing import Any, ClassVar

from . import uris

__all__ = [
    "ApplicationError",
    "AuthenticationDenied",
    "AuthenticationFailed",
    "AuthenticationRequired",
    "AuthorizationFailed",
    "BufferOverflow",
    "CallTimeout",
    "Canceled",
    "ConnectError",
    "DecryptionFailed",
    "DiscloseMeNotAllowed",
    "FeatureNotSupported",
    "FeatureNotSupportedByPeer",
    "InvalidArgument",
    "InvalidUri",
    "JoinError",
    "LimitReached",
    "LocalProtocolError",
    "MessageTooLarge",
    "NoAvailableCallee",
    "NoMatchingAuthMethod",
    "NoPayloadCodec",
    "NoSuchPrincipal",
    "NoSuchProcedure",
    "NoSuchRealm",
    "NoSuchRegistration",
    "NoSuchRole",
    "NoSuchSession",
    "NoSuchSubscription",
    "NotAuthorized",
    "OptionNotAllowed",
    "PayloadSizeExceeded",
    "ProcedureAlreadyExists",
    "ProtocolError",
    "RemoteProtocolError",
    "SerializationError",
    "SessionClosed",
    "SessionLost",
    "TrustedUriMismatch",
    "Unavailable",
    "UnexpectedResult",
    "WampError",
]


class WampError(Exception):
    """Base of everything that trowamp raises on its own account."""


class ApplicationError(WampError):
    """An error with a URI, positional and keyword arguments, as it travels in an ERROR message.

    Raise it in a procedure to answer the caller with exactly this URI and payload; catch it around a call. Errors that arrive with a
    well-known URI arrive as the subclass for it, so `except trowamp.NoSuchProcedure` works.

    Args:
        uri: The error's URI, for example `"com.example.error.no_stock"`.
        args: Positional payload.
        kwargs: Keyword payload.

    Attributes:
        uri: The error's URI.
        args: The positional payload, a tuple.
        kwargs: The keyword payload, a dict.
        details: `ERROR.Details` as received; an empty dict for an error made here.
    """

    uri: str
    kwargs: dict[str, Any]
    details: dict[str, Any]

    def __init__(self, uri: str, /, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args)
        self.uri = uri
        self.kwargs = kwargs
        self.details = {}

    @classmethod
    def from_wire(
        cls, uri: str, args: Any = None, kwargs: dict[str, Any] | None = None, details: dict[str, Any] | None = None
    ) -> ApplicationError:
        """Build the error of an ERROR message: the subclass registered for `uri`, or `ApplicationError` itself."""
        subclass = _ERROR_BY_URI.get(uri)
        payload: tuple[Any, ...] = (args,) if isinstance(args, bytes) else tuple(args or ())
        error: ApplicationError
        if subclass is None:
            error = ApplicationError(uri, *payload)
        else:
            error = subclass(*payload)
            error.uri = uri
        error.kwargs = kwargs or {}
        error.details = details or {}
        return error

    def __str__(self) -> str:
        text = self.uri
        if self.args:
            text += ": " + ", ".join(str(argument) for argument in self.args)
        if self.kwargs:
            text += f" {self.kwargs!r}"
        return text

    def __repr__(self) -> str:
        parts = [repr(self.uri), *map(repr, self.args), *(f"{key}={value!r}" for key, value in self.kwargs.items())]
        return f"{type(self).__name__}({', '.join(parts)})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (self.uri, self.args, self.kwargs, self.details)


def _rebuild(uri: str, args: tuple[Any, ...], kwargs: dict[str, Any], details: dict[str, Any]) -> ApplicationError:
    return ApplicationError.from_wire(uri, args, kwargs, details)


class _WellKnownError(ApplicationError):
    """An application error whose URI is fixed by the specification: raise it with the payload only."""

    URI: ClassVar[str]

    def __init__(self, /, *args: Any, **kwargs: Any) -> None:
        super().__init__(self.URI, *args, **kwargs)


class NoSuchProcedure(_WellKnownError):
    """Nobody has registered the procedure that was called."""

    URI = uris.ERROR_NO_SUCH_PROCEDURE


class ProcedureAlreadyExists(_WellKnownError):
    """The procedure is registered already, or shared with another invocation policy."""

    URI = uris.ERROR_PROCEDURE_ALREADY_EXISTS


class NoSuchRegistration(_WellKnownError):
    """The registration does not exist, or is not this session's."""

    URI = uris.ERROR_NO_SUCH_REGISTRATION


class NoSuchSubscription(_WellKnownError):
    """The subscription does not exist, or is not this session's."""

    URI = uris.ERROR_NO_SUCH_SUBSCRIPTION


class NoSuchSession(_WellKnownError):
    """The session does not exist."""

    URI = uris.ERROR_NO_SUCH_SESSION


class InvalidArgument(_WellKnownError):
    """The callee, or the router, does not accept the arguments."""

    URI = uris.ERROR_INVALID_ARGUMENT


class InvalidUri(_WellKnownError):
    """A URI is malformed, or in the reserved `wamp.` namespace."""

    URI = uris.ERROR_INVALID_URI


class PayloadSizeExceeded(_WellKnownError):
    """The message is too large for the receiver's transport."""

    URI = uris.ERROR_PAYLOAD_SIZE_EXCEEDED


class NotAuthorized(_WellKnownError):
    """The router's authorizer said no."""

    URI = uris.ERROR_NOT_AUTHORIZED


class AuthorizationFailed(_WellKnownError):
    """The router's authorizer itself failed."""

    URI = uris.ERROR_AUTHORIZATION_FAILED


class OptionNotAllowed(_WellKnownError):
    """The router refuses an option of the request."""

    URI = uris.ERROR_OPTION_NOT_ALLOWED


class DiscloseMeNotAllowed(_WellKnownError):
    """The router refuses to disclose the caller or publisher."""

    URI = uris.ERROR_DISCLOSE_ME_DISALLOWED


class Canceled(_WellKnownError):
    """The call was cancelled, or its callee left."""

    URI = uris.ERROR_CANCELED


class CallTimeout(_WellKnownError):
    """The call's timeout ran out at the router or the callee."""

    URI = uris.ERROR_TIMEOUT


class NoAvailableCallee(_WellKnownError):
    """Every callee of the registration is unavailable."""

    URI = uris.ERROR_NO_AVAILABLE_CALLEE


class Unavailable(_WellKnownError):
    """The callee cannot serve the call now; a router with re-routing tries another one."""

    URI = uris.ERROR_UNAVAILABLE


class LimitReached(_WellKnownError):
    """The session has as many calls without an answer as the router allows; another one may be made when one of them has been answered."""

    URI = uris.ERROR_LIMIT_REACHED


class FeatureNotSupportedByPeer(_WellKnownError):
    """The callee lacks a feature that the call needs."""

    URI = uris.ERROR_FEATURE_NOT_SUPPORTED


class NoPayloadCodec(_WellKnownError):
    """A payload is encrypted, and its receiver has nothing to decrypt payloads with."""

    URI = uris.ERROR_NO_PAYLOAD_CODEC


class DecryptionFailed(_WellKnownError):
    """A payload cannot be decrypted: a wrong key or none, damaged octets; or it is not encrypted although it has to be."""

    URI = uris.ERROR_DECRYPT_ERROR


class TrustedUriMismatch(_WellKnownError):
    """A payload is not for what it came with: it was encrypted for another URI, or as something else.

    Encrypted or not: the router names a URI that the procedure or handler is not for, or another one for an input than for its call.
    """

    URI = uris.ERROR_TRUSTED_URI_MISMATCH


class _ClosingError(WampError):
    """Shared shape of the errors that end a session with a reason URI."""

    def __init__(self, reason: str, message: str | None = None, details: dict[str, Any] | None = None) -> None:
        super().__init__(reason, message)
        self.reason = reason
        self.message = message
        self.details = details or {}

    def __str__(self) -> str:
        return f"{self.message} ({self.reason})" if self.message else self.reason


class JoinError(_ClosingError):
    """The router refused the session: ABORT instead of WELCOME.

    Attributes:
        reason: The router's reason URI.
        message: The router's words, or None.
        details: `ABORT.Details` as received.
    """

    @classmethod
    def from_wire(cls, reason: str, details: dict[str, Any] | None = None) -> JoinError:
        """Build the error of an ABORT message: the subclass registered for `reason`, or `JoinError` itself."""
        details = details or {}
        message = details.get("message")
        return _JOIN_ERROR_BY_URI.get(reason, JoinError)(reason, message if isinstance(message, str) else None, details)


class NoSuchRealm(JoinError):
    """The realm does not exist on this router."""


class NoSuchRole(JoinError):
    """The role does not exist in the realm."""


class NoMatchingAuthMethod(JoinError):
    """The router accepts none of the offered authentication methods."""


class NoSuchPrincipal(JoinError):
    """The router does not know the authid."""


class AuthenticationDenied(JoinError):
    """Wrong secret, ticket or signature."""


class AuthenticationRequired(JoinError):
    """Anonymous sessions are not allowed."""


class AuthenticationFailed(JoinError):
    """Authentication broke down for a technical reason."""


class ConnectError(WampError, OSError):
    """No connection to the router could be made; the text says what was tried. The cause is chained."""


class SessionClosed(_ClosingError):
    """The session ended in good order: you left it, or the router said GOODBYE.

    Attributes:
        reason: The reason URI, for example `wamp.close.system_shutdown`.
        message: The router's words, or None.
        details: `GOODBYE.Details` as received.
        maybe_executed: For a pending operation: False when it certainly was not executed, True when nobody can know.
    """

    maybe_executed: bool = False


class SessionLost(WampError):
    """The session broke: the connection was lost, the router aborted it, or the peer broke the protocol.

    Attributes:
        reason: What happened, in words.
        abort_reason: The reason URI of the router's ABORT, or None if it was not that.
        maybe_executed: For a pending operation: False when it certainly was not executed, True when nobody can know.
    """

    maybe_executed: bool

    def __init__(self, reason: str, *, abort_reason: str | None = None, maybe_executed: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.abort_reason = abort_reason
        self.maybe_executed = maybe_executed

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild_lost, (self.reason, self.abort_reason, self.maybe_executed)


def _rebuild_lost(reason: str, abort_reason: str | None, maybe_executed: bool) -> SessionLost:
    return SessionLost(reason, abort_reason=abort_reason, maybe_executed=maybe_executed)


class ProtocolError(WampError):
    """A rule of the protocol was broken. Abstract: see the two subclasses."""


class LocalProtocolError(ProtocolError):
    """What you asked for is not legal in this state; nothing was sent."""


class FeatureNotSupported(LocalProtocolError):
    """The router does not announce the feature that an option needs; nothing was sent.

    Attributes:
        feature: The feature's name as in the specification, for example `"call_canceling"`.
    """

    def __init__(self, feature: str) -> None:
        super().__init__(feature)
        self.feature = feature

    def __str__(self) -> str:
        return f"the router does not announce the feature {self.feature!r}"


class RemoteProtocolError(ProtocolError):
    """The peer broke the protocol; the session ends."""


class SerializationError(WampError, ValueError):
    """A payload holds a value that cannot be carried faithfully; nothing was sent. The text names the place in the payload."""


class MessageTooLarge(WampError, ValueError):
    """A message is larger than its receiver accepts.

    Attributes:
        size: Size of the message in octets.
        limit: The receiver's limit in octets.
    """

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(size, limit)
        self.size = size
        self.limit = limit

    def __str__(self) -> str:
        return f"message of {self.size} octets exceeds the limit of {self.limit}"


class UnexpectedResult(WampError, ValueError):
    """The result of a call is not of the type that was asked for with `result_type=`. The procedure has been executed.

    Attributes:
        procedure: The procedure's URI.
        problem: What is wrong, beginning with the place in the result.
    """

    def __init__(self, procedure: str, problem: str) -> None:
        super().__init__(procedure, problem)
        self.procedure = procedure
        self.problem = problem

    def __str__(self) -> str:
        return f"{self.procedure}: {self.problem}"


class BufferOverflow(WampError):
    """Events of a subscription, or the progressive results or further inputs of a call, are not consumed fast enough: their buffer ran over.

    Attributes:
        uri: The topic or procedure.
        limit: The size of the buffer in events, results or inputs.
        advice: What can be done about it.
    """

    def __init__(self, uri: str, limit: int, advice: str) -> None:
        super().__init__(uri, limit, advice)
        self.uri = uri
        self.limit = limit
        self.advice = advice

    def __str__(self) -> str:
        return f"{self.uri!r} overflowed its buffer of {self.limit}: {self.advice}"


_ERROR_BY_URI: dict[str, type[_WellKnownError]] = {cls.URI: cls for cls in _WellKnownError.__subclasses__()}
_ERROR_BY_URI[uris.ERROR_CANCELLED] = (
    Canceled  # the specification's own misspelling: accepted, never sent (checklist R5)
)

_JOIN_ERROR_BY_URI: dict[str, type[JoinError]] = {
    uris.ERROR_NO_SUCH_REALM: NoSuchRealm,
    uris.ERROR_NO_SUCH_ROLE: NoSuchRole,
    uris.ERROR_NO_MATCHING_AUTH_METHOD: NoMatchingAuthMethod,
    uris.ERROR_NO_AUTH_METHOD: NoMatchingAuthMethod,
    uris.ERROR_NO_SUCH_PRINCIPAL: NoSuchPrincipal,
    uris.ERROR_AUTHENTICATION_DENIED: AuthenticationDenied,
    uris.ERROR_NOT_AUTHORIZED: AuthenticationDenied,  # what Crossbar answers to a wrong secret (checklist E2)
    uris.ERROR_AUTHENTICATION_REQUIRED: AuthenticationRequired,
    uris.ERROR_AUTHENTICATION_FAILED: AuthenticationFailed,
}
