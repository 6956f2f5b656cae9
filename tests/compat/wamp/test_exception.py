"""Errors of the vocabulary: what they hold, how they are shown, which names are one thing."""

from __future__ import annotations

import pickle
import types as python_types

import pytest
from trowamp_compat import wamp
from trowamp_compat.wamp.error import CanceledError
from trowamp_compat.wamp.error import TimeoutError as WampTimeoutError
from trowamp_compat.wamp.exception import (
    ApplicationError,
    CallTimeoutError,
    Error,
    NotAuthorized,
    SessionNotReady,
    TransportLost,
    TypeCheckError,
)
from trowamp_compat.wamp.uri import patterns_of


@pytest.mark.autobahn("S-77")
def test_an_error_holds_its_uri_and_its_payload() -> None:
    error = ApplicationError("com.example.error", 1, "two", k=3)
    assert (error.error, error.args, error.kwargs) == ("com.example.error", (1, "two"), {"k": 3})
    assert error.error_message() == "com.example.error: 1 two"
    assert isinstance(error, Error)
    assert isinstance(error, RuntimeError)


@pytest.mark.autobahn("C-24")
def test_the_constructor_takes_metadata_out_of_the_keyword_arguments() -> None:
    error = ApplicationError("com.example.error", callee=7, enc_algo="cryptobox", k=3)
    assert (error.callee, error.enc_algo, error.callee_authid, error.kwargs) == (7, "cryptobox", None, {"k": 3})


@pytest.mark.autobahn("C-24", "W-17")
@pytest.mark.parametrize("kind", [ApplicationError, CanceledError, CallTimeoutError])
def test_what_came_from_the_wire_is_payload_whatever_it_is_named(kind: type[ApplicationError]) -> None:
    kwargs = {"callee": "x", "error": "y", "enc_algo": 1, "forward_for": 2, "self": 3, "uri": 4}
    error = kind.from_wire("com.example.error", [1], kwargs, callee=7)
    assert (error.error, error.args, error.kwargs, error.callee) == ("com.example.error", (1,), kwargs, 7)


@pytest.mark.autobahn("W-17")
def test_a_keyword_named_error_is_payload_beside_a_uri() -> None:
    assert ApplicationError("com.example.error", error=3).kwargs == {"error": 3}
    assert ApplicationError(error="com.example.error").error == "com.example.error"


def test_a_traceback_is_shown_behind_the_error_and_stays_in_it() -> None:
    error = ApplicationError("com.example.error", traceback=["one", "two"])
    assert str(error).endswith(":\none\ntwo\n")
    assert "'traceback': '...'" in str(error)
    assert error.kwargs == {"traceback": ["one", "two"]}


@pytest.mark.parametrize("kind", [ApplicationError, TypeCheckError, CanceledError, CallTimeoutError])
def test_errors_can_be_pickled(kind: type[ApplicationError]) -> None:
    error = kind.from_wire("com.example.error", [1], {"callee": 2}, callee=3)
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is kind
    assert (again.error, again.args, again.kwargs, again.callee) == ("com.example.error", (1,), {"callee": 2}, 3)


@pytest.mark.autobahn("S-60", "C-11")
def test_the_error_of_a_timeout_is_also_pythons() -> None:
    error = WampTimeoutError("too late")
    assert isinstance(error, TimeoutError)
    assert isinstance(error, ApplicationError)
    assert (error.error, error.args) == ("wamp.error.timeout", ("too late",))


@pytest.mark.autobahn("S-59", "C-12")
def test_the_module_error_holds_errors_and_is_the_decorator() -> None:
    assert isinstance(wamp.error, python_types.ModuleType)

    @wamp.error("com.example.error")
    class CustomError(Exception):
        pass

    (pattern,) = patterns_of(CustomError)
    assert (pattern.uri(), pattern.is_exception()) == ("com.example.error", True)
    assert CanceledError().error == "wamp.error.canceled"


def test_a_decorated_class_does_not_decorate_its_base() -> None:
    @wamp.error("com.example.base")
    class BaseOne(Exception):
        pass

    @wamp.error("com.example.derived")
    class Derived(BaseOne):
        pass

    class Plain(BaseOne):
        pass

    assert [[each.uri() for each in patterns_of(kind)] for kind in (BaseOne, Derived, Plain)] == [
        ["com.example.base"],
        ["com.example.derived"],
        [],
    ]


def test_only_exceptions_have_error_uris() -> None:
    with pytest.raises(AssertionError, match="only exception classes"):
        wamp.error("com.example.error")(int)  # type: ignore[type-var]


def test_exceptions_of_the_package_stand_where_programs_look_for_them() -> None:
    assert wamp.exception.TransportLost is TransportLost is wamp.TransportLost
    assert wamp.SessionNotReady is SessionNotReady
    assert [each.uri() for each in patterns_of(NotAuthorized)] == ["wamp.error.not_authorized"]
    assert not issubclass(NotAuthorized, Error)
