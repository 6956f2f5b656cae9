"""The tree of exceptions: what is caught by what, what each one holds, how it reads."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterator
from typing import Any

import pytest

from trowamp import _exceptions as exceptions
from trowamp import uris
from trowamp._exceptions import (
    ApplicationError,
    BufferOverflow,
    Canceled,
    ConnectError,
    FeatureNotSupported,
    JoinError,
    LocalProtocolError,
    MessageTooLarge,
    NoMatchingAuthMethod,
    NoSuchProcedure,
    ProtocolError,
    RemoteProtocolError,
    SerializationError,
    SessionClosed,
    SessionLost,
    WampError,
)

WELL_KNOWN = {
    "NoSuchProcedure": "wamp.error.no_such_procedure",
    "ProcedureAlreadyExists": "wamp.error.procedure_already_exists",
    "NoSuchRegistration": "wamp.error.no_such_registration",
    "NoSuchSubscription": "wamp.error.no_such_subscription",
    "NoSuchSession": "wamp.error.no_such_session",
    "InvalidArgument": "wamp.error.invalid_argument",
    "InvalidUri": "wamp.error.invalid_uri",
    "PayloadSizeExceeded": "wamp.error.payload_size_exceeded",
    "NotAuthorized": "wamp.error.not_authorized",
    "AuthorizationFailed": "wamp.error.authorization_failed",
    "OptionNotAllowed": "wamp.error.option_not_allowed",
    "DiscloseMeNotAllowed": "wamp.error.option_disallowed.disclose_me",
    "Canceled": "wamp.error.canceled",
    "CallTimeout": "wamp.error.timeout",
    "NoAvailableCallee": "wamp.error.no_available_callee",
    "Unavailable": "wamp.error.unavailable",
    "LimitReached": "trowamp.error.limit_reached",
    "FeatureNotSupportedByPeer": "wamp.error.feature_not_supported",
    "NoPayloadCodec": "wamp.error.no_payload_codec",
    "DecryptionFailed": "wamp.error.encryption.decrypt_error",
    "TrustedUriMismatch": "wamp.error.encryption.trusted_uri_mismatch",
}
JOIN_ERRORS = {
    "wamp.error.no_such_realm": "NoSuchRealm",
    "wamp.error.no_such_role": "NoSuchRole",
    "wamp.error.no_matching_auth_method": "NoMatchingAuthMethod",
    "wamp.error.no_auth_method": "NoMatchingAuthMethod",
    "wamp.error.no_such_principal": "NoSuchPrincipal",
    "wamp.error.authentication_denied": "AuthenticationDenied",
    "wamp.error.authentication_required": "AuthenticationRequired",
    "wamp.error.authentication_failed": "AuthenticationFailed",
    "wamp.error.not_authorized": "AuthenticationDenied",
    "com.example.unheard_of": "JoinError",
}


def all_subclasses(cls: type[Any]) -> Iterator[type[Any]]:
    for subclass in cls.__subclasses__():
        yield subclass
        yield from all_subclasses(subclass)


def test_everything_public_is_a_wamp_error_and_stands_in_the_drawing() -> None:
    assert exceptions.__doc__ is not None
    for name in exceptions.__all__:
        assert issubclass(getattr(exceptions, name), WampError)
        assert name in exceptions.__doc__
    defined = {cls.__name__ for cls in all_subclasses(WampError) if cls.__module__ == exceptions.__name__}
    assert {name for name in defined if not name.startswith("_")} == set(exceptions.__all__) - {"WampError"}


def test_those_that_mean_a_built_in_exception_are_one() -> None:
    assert issubclass(ConnectError, OSError)
    assert issubclass(SerializationError, ValueError)
    assert issubclass(MessageTooLarge, ValueError)
    assert issubclass(FeatureNotSupported, LocalProtocolError)
    assert issubclass(LocalProtocolError, ProtocolError)
    assert issubclass(RemoteProtocolError, ProtocolError)


def test_closed_is_not_lost() -> None:
    assert not issubclass(SessionClosed, SessionLost)
    assert not issubclass(SessionLost, SessionClosed)


@pytest.mark.checklist("BP-C7")
@pytest.mark.parametrize(("name", "uri"), WELL_KNOWN.items())
def test_a_well_known_uri_from_the_wire_is_its_own_class_and_the_class_has_its_uri(name: str, uri: str) -> None:
    cls = getattr(exceptions, name)
    received = ApplicationError.from_wire(uri, [1, "two"], {"key": 3}, {"callee": 4})
    assert type(received) is cls
    assert (received.uri, received.args, received.kwargs, received.details) == (
        uri,
        (1, "two"),
        {"key": 3},
        {"callee": 4},
    )
    raised = cls("text", key=1)
    assert (raised.uri, raised.args, raised.kwargs, raised.details) == (uri, ("text",), {"key": 1}, {})


def test_every_well_known_class_is_tested_here() -> None:
    classes = {cls.__name__ for cls in all_subclasses(ApplicationError) if cls.__module__ == exceptions.__name__}
    assert classes - {"_WellKnownError"} == set(WELL_KNOWN)


@pytest.mark.checklist("BP-C7")
def test_any_other_uri_is_a_plain_application_error_with_the_payload_unchanged() -> None:
    error = ApplicationError.from_wire("com.example.error.no_stock", ["a", {"b": [None]}], {"self": 1, "uri": 2}, {})
    assert type(error) is ApplicationError
    assert error.uri == "com.example.error.no_stock"
    assert error.args == ("a", {"b": [None]})
    assert error.kwargs == {"self": 1, "uri": 2}


def test_the_misspelt_canceled_is_accepted_and_keeps_its_spelling() -> None:
    error = ApplicationError.from_wire("wamp.error.cancelled")
    assert type(error) is Canceled
    assert error.uri == "wamp.error.cancelled"
    assert Canceled().uri == "wamp.error.canceled"


@pytest.mark.checklist("BP-C4")
def test_an_error_without_payload_has_an_empty_one() -> None:
    error = ApplicationError.from_wire("com.example.error", None, None, None)
    assert (error.args, error.kwargs, error.details) == ((), {}, {})


def test_an_opaque_payload_is_one_argument() -> None:
    assert ApplicationError.from_wire("com.example.error", b"opaque").args == (b"opaque",)


def test_any_keyword_can_be_payload() -> None:
    names = {"self": 1, "uri": 2, "args": 3, "kwargs": 4, "details": 5}
    assert ApplicationError("com.example.error", **names).kwargs == names
    assert NoSuchProcedure(**names).kwargs == names


def test_an_application_error_reads_as_uri_and_payload() -> None:
    error = ApplicationError("com.example.error", "no", 5, stock=0)
    assert str(error) == "com.example.error: no, 5 {'stock': 0}"
    assert repr(error) == "ApplicationError('com.example.error', 'no', 5, stock=0)"
    assert str(NoSuchProcedure()) == "wamp.error.no_such_procedure"


@pytest.mark.checklist("SES-C2")
@pytest.mark.parametrize(("uri", "name"), JOIN_ERRORS.items())
def test_a_refused_session_is_a_join_error_by_its_reason(uri: str, name: str) -> None:
    error = JoinError.from_wire(uri, {"message": "no entry", "scram": "e=x"})
    assert type(error).__name__ == name
    assert isinstance(error, JoinError)
    assert (error.reason, error.message, error.details["scram"]) == (uri, "no entry", "e=x")
    assert str(error) == f"no entry ({uri})"


@pytest.mark.parametrize("details", [None, {}, {"message": None}])
def test_a_join_error_without_words_reads_as_its_reason(details: dict[str, object] | None) -> None:
    error = JoinError.from_wire(uris.ERROR_NO_AUTH_METHOD, details)
    assert isinstance(error, NoMatchingAuthMethod)
    assert error.message is None
    assert str(error) == "wamp.error.no_auth_method"


def test_every_error_says_in_words_what_is_wrong() -> None:
    assert str(MessageTooLarge(20, 10)) == "message of 20 octets exceeds the limit of 10"
    assert "'call_canceling'" in str(FeatureNotSupported("call_canceling"))
    assert "'com.example.topic'" in str(BufferOverflow("com.example.topic", 5, "hurry"))
    assert str(SessionLost("gone")) == "gone"
    assert str(SessionClosed("wamp.close.killed")) == "wamp.close.killed"


def with_details(error: ApplicationError) -> ApplicationError:
    error.details = {"callee": 1}
    return error


@pytest.mark.parametrize(
    "error",
    [
        with_details(ApplicationError("com.example.error", 1, key=2)),
        with_details(NoSuchProcedure("com.example.f")),
        ApplicationError.from_wire("wamp.error.cancelled"),
        JoinError("com.example.reason", "text", {"a": 1}),
        NoMatchingAuthMethod("wamp.error.no_auth_method"),
        SessionClosed("wamp.close.killed", "text", {"a": 1}),
        SessionLost("gone", abort_reason="com.example.reason", maybe_executed=True),
        FeatureNotSupported("call_canceling"),
        MessageTooLarge(20, 10),
        BufferOverflow("com.example.topic", 5, "hurry"),
        ConnectError("refused"),
        SerializationError("args[0]: NaN"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_copies_and_pickles_are_like_the_original(error: Exception) -> None:
    for twin in (copy.copy(error), pickle.loads(pickle.dumps(error))):
        assert type(twin) is type(error)
        assert str(twin) == str(error)
        assert repr(twin) == repr(error)
        assert twin.__dict__ == error.__dict__
