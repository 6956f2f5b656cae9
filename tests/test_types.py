"""Small public values: results, and who a session is."""

from __future__ import annotations

from typing import Any

import pytest

from trowamp._types import Result, SessionDetails, positional, unwrap


@pytest.mark.checklist("BP-C4")
@pytest.mark.parametrize("args", [None, [], (), b""])
@pytest.mark.parametrize("kwargs", [None, {}])
def test_no_payload_is_none(args: Any, kwargs: dict[str, Any] | None) -> None:
    assert unwrap(args, kwargs) is None


@pytest.mark.parametrize("value", [None, 5, "text", [1, 2], {}, b"octets"])
def test_one_positional_value_is_itself(value: object) -> None:
    assert unwrap([value], None) is value
    assert unwrap((value,), {}) is value


def test_an_opaque_payload_is_one_value() -> None:
    assert unwrap(b"opaque", None) == b"opaque"


@pytest.mark.parametrize(
    ("args", "kwargs"), [([1, 2], None), ([], {"a": 1}), (None, {"a": 1}), ([1], {"a": 1}), ([1, 2], {"self": 1})]
)
def test_everything_else_is_a_result(args: list[Any] | None, kwargs: dict[str, Any] | None) -> None:
    result = unwrap(args, kwargs)
    assert isinstance(result, Result)
    assert result.args == tuple(args or ())
    assert result.kwargs == (kwargs or {})


def test_results_are_equal_by_value_and_cannot_be_hashed() -> None:
    assert Result(1, [2], a=3) == Result(1, [2], a=3)
    assert Result(1) != Result(2)
    assert Result(1) != Result(1, a=2)
    assert Result(1) != 1
    with pytest.raises(TypeError):
        hash(Result(1))


def test_a_result_shows_its_values() -> None:
    assert repr(Result(1, "two", three=3)) == "Result(1, 'two', three=3)"


@pytest.mark.checklist("FEAT-B2")
def test_session_details_tell_which_features_the_router_announced() -> None:
    details = SessionDetails(
        session_id=1,
        realm="com.example.realm",
        authid=None,
        authrole=None,
        authmethod=None,
        authprovider=None,
        authextra={},
        agent=None,
        features={"dealer": frozenset({"call_canceling"})},
        details={},
    )
    assert details.supports("dealer", "call_canceling")
    assert not details.supports("dealer", "call_timeout")
    assert not details.supports("broker", "call_canceling")


@pytest.mark.parametrize(
    ("args", "expected"), [(None, []), ([], []), (b"", []), ([1, 2], [1, 2]), ((1,), [1]), (b"opaque", [b"opaque"])]
)
def test_the_arguments_of_a_handler_are_the_positional_payload(args: Any, expected: list[object]) -> None:
    assert list(positional(args)) == expected
