"""The errors of WAMP sessions.

```
Error (also a RuntimeError)
├─ ApplicationError(error, *args, **kwargs)     an ERROR of the peer, or one for it
│    ├─ TypeCheckError                          arguments that do not fit the annotations of a procedure
│    ├─ CanceledError                           the call was cancelled
│    └─ CallTimeoutError (also a TimeoutError)  the time of the call ran out
├─ SessionNotReady                              no session has been joined yet
├─ SerializationError                           a payload that the serializer cannot carry
├─ InvalidUriError                              a text that is no URI
├─ ProtocolError                                the peer broke a rule
└─ TransportLost                                there is no connection (any more)
```
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Self

from trowamp import uris

from .uri import error

__all__ = [
    "ApplicationError",
    "CallTimeoutError",
    "CanceledError",
    "Error",
    "InvalidPayload",
    "InvalidUri",
    "InvalidUriError",
    "NotAuthorized",
    "ProtocolError",
    "SerializationError",
    "SessionNotReady",
    "TransportLost",
    "TypeCheckError",
]

#: What the constructor of `ApplicationError` takes out of its keyword arguments.
METADATA: Final = ("enc_algo", "callee", "callee_authid", "callee_authrole", "forward_for")


class Error(RuntimeError):
    """Base of the errors of this package."""


class SessionNotReady(Error):
    """A request was made before the session was joined."""


class SerializationError(Error):
    """A payload cannot be serialized, or what arrived cannot be read."""


class InvalidUriError(Error):
    """A text is no legal WAMP URI."""


class ProtocolError(Error):
    """The peer broke the protocol."""


class TransportLost(Error):
    """The session has no transport, or its transport was lost before an answer came.

    Attributes:
        maybe_executed: For what was asked for: False when it certainly was not executed, True when nobody can know.
    """

    maybe_executed: bool = False


class ApplicationError(Error):
    """An error with a URI and a payload, as it travels in an ERROR message.

    Keyword arguments named `enc_algo`, `callee`, `callee_authid`, `callee_authrole` and `forward_for` are no payload: they become attributes.
    `from_wire` takes such names as payload.

    Args:
        error: The URI; also by keyword, if nothing is positional.
        args: Positional payload.
        kwargs: Keyword payload.

    Attributes:
        error: The URI.
        args: The positional payload, a tuple.
        kwargs: The keyword payload, a dict.
        enc_algo: How the payload was encrypted, or None.
        callee: The session id of the callee that raised it, if the router tells, or None.
        callee_authid: The callee's authid, or None.
        callee_authrole: The callee's authrole, or None.
        forward_for: The routers that have forwarded the message, or None.
        maybe_executed: What `TransportLost.maybe_executed` is, if the session was closed before an answer came; None for an answer.
    """

    INVALID_URI = uris.ERROR_INVALID_URI
    INVALID_PAYLOAD = "wamp.error.invalid_payload"
    PAYLOAD_SIZE_EXCEEDED = uris.ERROR_PAYLOAD_SIZE_EXCEEDED
    NO_SUCH_PROCEDURE = uris.ERROR_NO_SUCH_PROCEDURE
    PROCEDURE_ALREADY_EXISTS = uris.ERROR_PROCEDURE_ALREADY_EXISTS
    PROCEDURE_EXISTS_INVOCATION_POLICY_CONFLICT = "wamp.error.procedure_exists_with_different_invocation_policy"
    NO_SUCH_REGISTRATION = uris.ERROR_NO_SUCH_REGISTRATION
    NO_SUCH_SUBSCRIPTION = uris.ERROR_NO_SUCH_SUBSCRIPTION
    NO_SUCH_SESSION = uris.ERROR_NO_SUCH_SESSION
    INVALID_ARGUMENT = uris.ERROR_INVALID_ARGUMENT
    SYSTEM_SHUTDOWN = "wamp.error.system_shutdown"
    CLOSE_REALM = "wamp.error.close_realm"
    GOODBYE_AND_OUT = "wamp.error.goodbye_and_out"
    NOT_AUTHORIZED = uris.ERROR_NOT_AUTHORIZED
    AUTHORIZATION_FAILED = uris.ERROR_AUTHORIZATION_FAILED
    AUTHENTICATION_FAILED = uris.ERROR_AUTHENTICATION_FAILED
    NO_AUTH_METHOD = uris.ERROR_NO_AUTH_METHOD
    NO_SUCH_REALM = uris.ERROR_NO_SUCH_REALM
    NO_SUCH_ROLE = uris.ERROR_NO_SUCH_ROLE
    NO_SUCH_PRINCIPAL = uris.ERROR_NO_SUCH_PRINCIPAL
    CANCELED = uris.ERROR_CANCELED
    TIMEOUT = uris.ERROR_TIMEOUT
    NO_ELIGIBLE_CALLEE = "wamp.error.no_eligible_callee"
    ENC_NO_PAYLOAD_CODEC = "wamp.error.no_payload_codec"
    ENC_TRUSTED_URI_MISMATCH = "wamp.error.encryption.trusted_uri_mismatch"
    ENC_DECRYPT_ERROR = "wamp.error.encryption.decrypt_error"
    TYPE_CHECK_ERROR = "wamp.error.type_check_error"

    error: str
    kwargs: dict[str, Any]
    enc_algo: str | None
    callee: int | None
    callee_authid: str | None
    callee_authrole: str | None
    forward_for: list[dict[str, Any]] | None
    maybe_executed: bool | None = None

    def __init__(self, error: str | None = None, /, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args)
        self.error = kwargs.pop("error") if error is None else error
        for name in METADATA:
            setattr(self, name, kwargs.pop(name, None))
        self.kwargs = kwargs

    @classmethod
    def from_wire(
        cls, uri: str, args: Sequence[Any] | None = None, kwargs: Mapping[str, Any] | None = None, **metadata: Any
    ) -> Self:
        """Make the error of an ERROR message; nothing in its payload is taken for metadata (C-24).

        Args:
            uri: The error's URI.
            args: Positional payload.
            kwargs: Keyword payload, whatever its keys.
            metadata: What the message tells besides: `callee`, `enc_algo` and so on.
        """
        made = cls(uri, *(args or ()), **metadata)
        made.kwargs = dict(kwargs or {})
        return made

    def error_message(self) -> str:
        """Return the URI and the positional payload in one line."""
        return f"{self.error}: {' '.join(map(str, self.args))}"

    def __str__(self) -> str:
        shown = dict(self.kwargs)
        traceback = shown.get("traceback")
        if traceback is not None:
            shown["traceback"] = "..."
        metadata = ", ".join(f"{name}={getattr(self, name)}" for name in METADATA)
        text = f"ApplicationError(error=<{self.error}>, args={list(self.args)}, kwargs={shown}, {metadata})"
        return text if traceback is None else f"{text}:\n{_joined(traceback)}\n"

    def __reduce__(self) -> tuple[Any, ...]:
        metadata = {name: getattr(self, name) for name in METADATA}
        told = {"error": self.error, "kwargs": self.kwargs, "maybe_executed": self.maybe_executed, **metadata}
        return _rebuilt, (type(self), self.args, told)


def _joined(traceback: Any) -> str:
    """Return a traceback as text: other implementations send the lines as a list."""
    return "\n".join(map(str, traceback)) if isinstance(traceback, list | tuple) else str(traceback)


def _rebuilt(kind: type[ApplicationError], args: tuple[Any, ...], attributes: dict[str, Any]) -> ApplicationError:
    made = kind.__new__(kind)
    made.args = args
    made.__dict__.update(attributes)
    return made


class _WellKnown(ApplicationError):
    """Base of the application errors whose URI is fixed."""

    URI: str

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(self.URI, *args, **kwargs)

    @classmethod
    def from_wire(
        cls, uri: str, args: Sequence[Any] | None = None, kwargs: Mapping[str, Any] | None = None, **metadata: Any
    ) -> Self:
        """Make the error of an ERROR message; see `ApplicationError.from_wire`."""
        made = cls(*(args or ()), **metadata)
        made.error = uri
        made.kwargs = dict(kwargs or {})
        return made


class TypeCheckError(_WellKnown):
    """The arguments of a call or event do not have the types that the procedure or handler declares."""

    URI = ApplicationError.TYPE_CHECK_ERROR


class CanceledError(_WellKnown):
    """The call was cancelled: by its caller, or because its callee is gone."""

    URI = ApplicationError.CANCELED


class CallTimeoutError(_WellKnown, TimeoutError):
    """The timeout of the call ran out, here, at the router or at the callee (C-11)."""

    URI = ApplicationError.TIMEOUT

    def __new__(cls, *_args: Any, **_kwargs: Any) -> Self:
        """Make the instance: of two base classes in C the one with the larger layout does it."""
        return TimeoutError.__new__(cls)


@error(ApplicationError.NOT_AUTHORIZED)
class NotAuthorized(Exception):
    """Not authorized to do this."""


@error(ApplicationError.INVALID_URI)
class InvalidUri(Exception):
    """A URI of the request is not legal."""


@error(ApplicationError.INVALID_PAYLOAD)
class InvalidPayload(Exception):
    """The payload of the request is not legal."""
