"""trowamp/protocol/_reconnect.py: how long to wait, and which transport comes next."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trowamp.protocol import ReconnectSchedule, Rotation

samples = st.floats(0, 1, exclude_max=True)


def delays(schedule: ReconnectSchedule, count: int, sample: float = 0.5) -> list[float | None]:
    return [schedule.next_delay(sample) for _ in range(count)]


def rotation(count: int, **settings: Any) -> Rotation:
    return Rotation([ReconnectSchedule(**{"retry_delay_jitter": 0, **settings}) for _ in range(count)])


def test_delays_grow_from_the_initial_one() -> None:
    assert delays(ReconnectSchedule(), 4) == [1.5, 2.25, 3.375, 5.0625]


def test_delays_stop_growing_at_the_maximum() -> None:
    schedule = ReconnectSchedule(initial_retry_delay=100, max_retry_delay=300, retry_delay_growth=2)
    assert delays(schedule, 5) == [100, 200, 300, 300, 300]


def test_without_a_limit_retries_never_end() -> None:
    schedule = ReconnectSchedule()
    assert delays(schedule, 5000)[-1] == 300
    assert schedule.retries == 5000


@pytest.mark.parametrize("limit", [0, 1, 3])
def test_the_limit_counts_retries_and_not_attempts(limit: int) -> None:
    schedule = ReconnectSchedule(max_retries=limit)
    assert None not in delays(schedule, limit)
    assert delays(schedule, 2) == [None, None]
    assert schedule.retries == limit


def test_a_reset_starts_anew() -> None:
    schedule = ReconnectSchedule(max_retries=2)
    assert delays(schedule, 3) == [1.5, 2.25, None]
    schedule.reset()
    assert delays(schedule, 3) == [1.5, 2.25, None]


def test_jitter_goes_both_ways() -> None:
    assert ReconnectSchedule(initial_retry_delay=10).next_delay(0) == pytest.approx(9)
    assert ReconnectSchedule(initial_retry_delay=10).next_delay(1) == pytest.approx(11)


def test_jitter_does_not_add_up() -> None:
    assert delays(ReconnectSchedule(retry_delay_growth=1), 20, sample=0.999)[-1] == pytest.approx(1.65, abs=0.001)


@pytest.mark.parametrize("jitter", [0, 1])
@given(sample=samples)
def test_no_setting_removes_the_delay(jitter: float, sample: float) -> None:
    schedule = ReconnectSchedule(initial_retry_delay=0, max_retry_delay=0, retry_delay_jitter=jitter)
    assert schedule.next_delay(sample) == 0.05
    assert schedule.spread(sample) == 0.05


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"max_retries": -2}, "max_retries is a number of retries, or -1 for no limit; not -2"),
        ({"initial_retry_delay": -1}, "initial_retry_delay is a number, 0 or more; not -1"),
        ({"initial_retry_delay": math.inf, "max_retry_delay": math.inf}, "initial_retry_delay"),
        ({"max_retry_delay": 1}, "max_retry_delay is a number, 1.5 or more; not 1"),
        ({"max_retry_delay": math.inf}, "max_retry_delay"),
        ({"retry_delay_growth": 0.9}, "retry_delay_growth is a number, 1 or more; not 0.9"),
        ({"retry_delay_growth": math.nan}, "retry_delay_growth"),
        ({"retry_delay_jitter": 1.1}, "retry_delay_jitter is a number, 0 to 1; not 1.1"),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        ReconnectSchedule(**settings)


def test_a_schedule_shows_where_it_stands() -> None:
    schedule = ReconnectSchedule(max_retries=5)
    schedule.next_delay(0.5)
    assert repr(schedule) == "<ReconnectSchedule 1 of 5 retries, next after 2.25 s>"
    assert repr(ReconnectSchedule()) == "<ReconnectSchedule 0 retries, next after 1.5 s>"


def attempts(rotation: Rotation, count: int) -> list[tuple[int, float] | None]:
    """Let every attempt fail."""
    made: list[tuple[int, float] | None] = []
    for _ in range(count):
        attempt = rotation.next_attempt(0.5)
        made.append(attempt)
        if attempt is not None:
            rotation.failed(attempt[0])
    return made


def test_one_transport_is_tried_at_once_and_then_after_its_delays() -> None:
    assert attempts(rotation(1), 4) == [(0, 0), (0, 1.5), (0, 2.25), (0, 3.375)]


def test_transports_take_turns_and_the_delay_grows_from_round_to_round() -> None:
    assert attempts(rotation(2), 6) == [(0, 0), (1, 0), (0, 1.5), (1, 1.5), (0, 2.25), (1, 2.25)]


def test_each_transport_has_a_limit_of_its_own() -> None:
    several = Rotation([ReconnectSchedule(0, retry_delay_jitter=0), ReconnectSchedule(2, retry_delay_jitter=0)])
    assert attempts(several, 6) == [(0, 0), (1, 0), (1, 1.5), (1, 2.25), None, None]


def test_a_transport_that_failed_for_good_is_left_out() -> None:
    several = rotation(2)
    assert several.next_attempt(0.5) == (0, 0)
    several.failed(0, fatal=True)
    assert attempts(several, 3) == [(1, 0), (1, 1.5), (1, 2.25)]
    several.failed(1, fatal=True)
    assert several.next_attempt(0.5) is None


def test_after_a_session_the_next_transport_comes_after_the_initial_delay() -> None:
    several = rotation(3)
    assert attempts(several, 3)[-1] == (2, 0)
    assert several.next_attempt(0.5) == (0, 1.5)
    several.succeeded(0)
    assert attempts(several, 4) == [(1, 1.5), (2, 1.5), (0, 1.5), (1, 2.25)]


def test_the_first_reconnect_waits_even_for_a_transport_that_was_never_tried() -> None:
    several = rotation(2)
    assert several.next_attempt(0.5) == (0, 0)
    several.succeeded(0)
    assert several.next_attempt(0.5) == (1, 1.5)


def test_a_session_gives_exhausted_transports_another_chance_but_not_those_that_failed_for_good() -> None:
    several = rotation(3, max_retries=0)
    assert several.next_attempt(0.5) == (0, 0)
    several.failed(0, fatal=True)
    assert attempts(several, 1) == [(1, 0)]
    assert several.next_attempt(0.5) == (2, 0)
    several.succeeded(2)
    assert several.next_attempt(0.5) is None  # no retries were allowed, and a reconnect is one
    again = rotation(2, max_retries=1)
    assert attempts(again, 5) == [(0, 0), (1, 0), (0, 1.5), (1, 1.5), None]
    again.succeeded(1)
    assert attempts(again, 3) == [(0, 1.5), (1, 1.5), None]


def test_when_a_router_shuts_down_the_next_transport_comes_at_once() -> None:
    several = rotation(2, retry_delay_jitter=0.5)
    assert several.next_attempt(0.5) == (0, 0)
    several.succeeded(0)
    several.move_on()
    assert several.next_attempt(0.5) == (1, 0.375)
    several.failed(1)
    assert several.next_attempt(0.5) == (0, 1.5)


def test_when_the_only_router_shuts_down_it_is_given_the_initial_delay() -> None:
    only = rotation(1)
    assert only.next_attempt(0.5) == (0, 0)
    only.succeeded(0)
    only.move_on()
    assert only.next_attempt(0.5) == (0, 1.5)


def test_when_all_others_failed_for_good_a_shutdown_is_given_the_initial_delay() -> None:
    several = rotation(2)
    assert several.next_attempt(0.5) == (0, 0)
    several.failed(0, fatal=True)
    assert several.next_attempt(0.5) == (1, 0)
    several.succeeded(1)
    several.move_on()
    assert several.next_attempt(0.5) == (1, 1.5)


def test_routers_that_send_their_clients_in_a_circle_are_not_flooded() -> None:
    several = rotation(2)
    assert several.next_attempt(0.5) == (0, 0)
    several.succeeded(0)
    several.move_on(lasted=1.0)
    assert several.next_attempt(0.5) == (1, 1.5)


def test_there_must_be_a_transport() -> None:
    with pytest.raises(ValueError, match="no transport"):
        Rotation([])


def test_a_rotation_shows_what_is_left() -> None:
    several = rotation(2)
    several.failed(0, fatal=True)
    assert repr(several) == "<Rotation over 2 transports, 1 of them usable>"


@given(
    count=st.integers(1, 4),
    steps=st.lists(st.tuples(st.sampled_from(["failed", "fatal", "succeeded", "moved"]), samples), max_size=30),
)
def test_whatever_happens_only_first_attempts_come_without_delay(count: int, steps: list[tuple[str, float]]) -> None:
    several = rotation(count)
    tried: set[int] = set()
    for outcome, sample in steps:
        attempt = several.next_attempt(sample)
        if attempt is None:
            break
        index, delay = attempt
        assert delay >= 0.05 or index not in tried
        tried.add(index)
        if outcome in {"failed", "fatal"}:
            several.failed(index, fatal=outcome == "fatal")
        else:
            several.succeeded(index)
        if outcome == "moved":
            several.move_on()
