"""Options of requests: their order, what they refuse, what travels."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from trowamp_compat.wamp.types import CallOptions, PublishOptions, RegisterOptions, SubscribeOptions

HOPS = [{"session": 1, "authid": "joe", "authrole": "user"}]


@pytest.mark.autobahn("S-52", "S-72")
def test_options_of_a_registration_are_positional_in_the_documented_order() -> None:
    options = RegisterOptions("prefix", "roundrobin", 3, True, HOPS, None, "info", "c", "u", True, False)
    assert options.message_attr() == {
        "match": "prefix",
        "invoke": "roundrobin",
        "concurrency": 3,
        "force_reregister": True,
        "forward_for": HOPS,
    }
    assert (options.details_arg, options.correlation_id, options.correlation_uri) == ("info", "c", "u")
    assert (options.correlation_is_anchor, options.correlation_is_last) == (True, False)


@pytest.mark.autobahn("S-52")
@pytest.mark.parametrize("kind", [RegisterOptions, SubscribeOptions])
def test_details_is_short_for_an_argument_of_that_name(kind: Any) -> None:
    assert (kind(details=True).details_arg, kind(details_arg="info").details_arg) == ("details", "info")
    assert (kind().details_arg, kind(details=False).details_arg) == (None, None)
    assert kind(details=True).message_attr() == {}


def test_options_of_a_subscription_are_positional_in_the_documented_order() -> None:
    options = SubscribeOptions("wildcard", None, "info", HOPS, True, "c")
    assert options.message_attr() == {"match": "wildcard", "get_retained": True, "forward_for": HOPS}
    assert (options.details_arg, options.correlation_id) == ("info", "c")


@pytest.mark.autobahn("S-51")
def test_options_of_a_publication_carry_receivers_as_lists() -> None:
    options = PublishOptions(True, False, 3, "joe", ("r", "s"), [4, 5], ["a"], "b", True, HOPS, "0xab")
    assert options.message_attr() == {
        "acknowledge": True,
        "exclude_me": False,
        "exclude": [3],
        "exclude_authid": ["joe"],
        "exclude_authrole": ["r", "s"],
        "eligible": [4, 5],
        "eligible_authid": ["a"],
        "eligible_authrole": ["b"],
        "retain": True,
        "transaction_hash": "0xab",
        "forward_for": HOPS,
    }
    assert options.exclude == 3
    assert PublishOptions().message_attr() == {}


def test_an_empty_list_of_receivers_travels() -> None:
    assert PublishOptions(eligible=[]).message_attr() == {"eligible": []}


@pytest.mark.autobahn("C-11", "W-11")
@pytest.mark.parametrize(("seconds", "milliseconds"), [(10, 10_000), (1.5, 1500), (0.0001, 1), (0, 0)])
def test_a_timeout_is_seconds_here_and_milliseconds_on_the_wire(seconds: float, milliseconds: int) -> None:
    options = CallOptions(timeout=seconds)
    assert options.timeout == seconds
    assert options.message_attr() == {"timeout": milliseconds}


@pytest.mark.autobahn("S-61", "C-4")
def test_progress_is_asked_for_by_either_name() -> None:
    for options in (CallOptions(on_progress=print), CallOptions(onProgress=print), CallOptions(print)):
        assert (options.on_progress, options.onProgress) == (print, print)
        assert options.message_attr() == {"receive_progress": True}
    with pytest.raises(AssertionError, match="two names"):
        CallOptions(on_progress=print, onProgress=print)


@pytest.mark.autobahn("S-62", "C-13")
def test_distributed_calls_are_asked_for_as_the_specification_sketches_them() -> None:
    assert CallOptions(runAt="partition", pkey=7).message_attr() == {"runmode": "partition", "rkey": 7}
    with pytest.raises(AssertionError, match="runAt"):
        CallOptions(runAt="everywhere")


@pytest.mark.autobahn("W-10")
def test_how_a_call_is_cancelled_can_be_chosen() -> None:
    options = CallOptions(cancel_mode="kill")
    assert options.cancel_mode == "kill"
    assert options.message_attr() == {}


def test_options_of_a_call_are_positional_in_the_documented_order() -> None:
    options = CallOptions(None, 1, "0xab", 7, "joe", "user", HOPS, "c", "u", True, False, True)
    assert options.message_attr() == {
        "timeout": 1000,
        "transaction_hash": "0xab",
        "caller": 7,
        "caller_authid": "joe",
        "caller_authrole": "user",
        "forward_for": HOPS,
    }
    assert (options.correlation_id, options.details) == ("c", True)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("transaction_hash", "0xab"),
        ("caller", 7),
        ("caller_authid", "joe"),
        ("caller_authrole", "user"),
        ("forward_for", HOPS),
    ],
)
def test_each_rare_option_travels_alone(name: str, value: Any) -> None:
    assert CallOptions(**{name: value}).message_attr() == {name: value}


def test_options_that_are_changed_travel_as_they_are_then() -> None:
    options = PublishOptions()
    options.exclude = 3
    options.retain = True
    assert options.message_attr() == {"exclude": [3], "retain": True}


WRONG: list[Callable[[], object]] = [
    lambda: RegisterOptions(match="some"),
    lambda: RegisterOptions(invoke="all"),
    lambda: RegisterOptions(concurrency=0),
    lambda: RegisterOptions(concurrency=True),
    lambda: RegisterOptions(force_reregister=1),  # type: ignore[arg-type]
    lambda: RegisterOptions(details=True, details_arg="x"),
    lambda: RegisterOptions(details_arg=3),  # type: ignore[arg-type]
    lambda: RegisterOptions(forward_for=[{"session": "x"}]),
    lambda: SubscribeOptions(match=3),  # type: ignore[arg-type]
    lambda: SubscribeOptions(get_retained="yes"),  # type: ignore[arg-type]
    lambda: PublishOptions(acknowledge=1),  # type: ignore[arg-type]
    lambda: PublishOptions(exclude="joe"),  # type: ignore[arg-type]
    lambda: PublishOptions(exclude=[True]),
    lambda: PublishOptions(eligible_authid=[3]),  # type: ignore[list-item]
    lambda: PublishOptions(transaction_hash=3),  # type: ignore[arg-type]
    lambda: CallOptions(timeout=-1),
    lambda: CallOptions(timeout=True),
    lambda: CallOptions(timeout=float("nan")),
    lambda: CallOptions(timeout="5"),  # type: ignore[arg-type]
    lambda: CallOptions(on_progress=3),  # type: ignore[arg-type]
    lambda: CallOptions(caller="x"),  # type: ignore[arg-type]
    lambda: CallOptions(details=1),  # type: ignore[arg-type]
    lambda: CallOptions(cancel_mode="soon"),
]


@pytest.mark.autobahn("W-26")
@pytest.mark.parametrize("make", WRONG)
def test_a_wrong_value_is_refused_with_words(make: Callable[[], object]) -> None:
    with pytest.raises(AssertionError) as caught:
        make()
    assert str(caught.value)


@pytest.mark.autobahn("W-26")
def test_wrong_values_are_refused_when_python_leaves_assertions_out() -> None:
    program = "from trowamp_compat.wamp.types import CallOptions\nCallOptions(timeout=-1)"
    run = subprocess.run([sys.executable, "-O", "-c", program], capture_output=True, text=True, check=False, timeout=60)
    assert run.returncode == 1
    assert "AssertionError: timeout must be seconds, not -1" in run.stderr
