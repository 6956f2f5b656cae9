"""What detects faults is tried on planted ones: a checker that cannot fail proves nothing."""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import trio

from tests.faults.goals import Goal
from tests.faults.history import History, Listening, Operation
from tests.faults.network import obstacle, open_cable
from tests.faults.proxy import Plan, Way, open_proxy, random_plan
from trowamp import ConnectError, SessionLost, open_router, open_session


def honest() -> History:
    """Two processes, a call and two publications each, and a subscriber that got everything."""
    history = History()
    for process in (0, 1):
        for offset, kind in enumerate(("call", "publish", "publish")):
            number = process * 10 + offset
            publication = 100 + number if kind == "publish" else None
            history.operations[number] = Operation(kind, process, 1.0, 2.0, "ok", publication)  # type: ignore[arg-type]
            if kind == "call":
                history.executed[number] = 1
    history.listenings.append(Listening(0, 9, is_lost=False, seen=[(101, 1), (111, 11), (102, 2), (112, 12)]))
    return history


def listening(history: History) -> Listening:
    return history.listenings[0]


def forget_an_end(history: History) -> None:
    history.operations[1].outcome = None


def execute_what_failed(history: History) -> None:
    history.operations[0].outcome = "failed"


def deliver_what_failed(history: History) -> None:
    history.operations[1].outcome = "failed"


def answer_without_executing(history: History) -> None:
    history.executed.clear()
    history.executed[0] = 1


def execute_twice(history: History) -> None:
    history.executed[0] = 2


def answer_wrongly(history: History) -> None:
    history.wrong_answers = 1


def end_twice(history: History) -> None:
    history.end(0, "ok")


def lose_an_event(history: History) -> None:
    listening(history).seen.remove((112, 12))


def lose_an_event_in_the_middle(history: History) -> None:
    listening(history).seen.remove((111, 11))
    listening(history).is_lost = True


def repeat_an_event(history: History) -> None:
    listening(history).seen.append((112, 12))


def swap_events(history: History) -> None:
    listening(history).seen.reverse()


def use_an_id_twice(history: History) -> None:
    history.operations[1].publication = 102


PLANTED: list[Callable[[History], None]] = [
    forget_an_end,
    execute_what_failed,
    deliver_what_failed,
    answer_without_executing,
    execute_twice,
    answer_wrongly,
    lose_an_event,
    lose_an_event_in_the_middle,
    repeat_an_event,
    swap_events,
    use_an_id_twice,
]


@pytest.mark.parametrize("plant", PLANTED, ids=lambda plant: str(plant.__name__))
def test_the_history_checker_finds_a_planted_fault(plant: Callable[[History], None]) -> None:
    history = honest()
    assert history.violations() == []
    plant(history)
    assert history.violations()


async def test_the_history_checker_finds_an_operation_that_ended_twice() -> None:
    history = honest()
    history.end(0, "ok")
    assert history.violations() == ["1 operations ended twice"]


def test_events_that_were_on_their_way_when_a_session_was_lost_are_no_violation() -> None:
    history = honest()
    listening(history).is_lost = True
    listening(history).seen.pop()
    assert history.violations() == []


def test_a_history_that_was_settled_knows_only_how_often_what_happened() -> None:
    history = honest()
    listening(history).ended = math.inf
    before = history.counts()
    assert history.settle() == []
    assert (history.counts(), history.operations, listening(history).seen) == (before, {}, [])


def test_a_history_that_is_settled_tells_what_was_wrong() -> None:
    history = honest()
    execute_twice(history)
    assert history.settle() == ["call 0 was executed 2 times"]


def test_an_event_that_comes_after_its_history_was_settled_is_a_violation() -> None:
    history = honest()
    listening(history).ended = math.inf
    history.settle()
    listening(history).seen.append((101, 1))
    assert history.violations() == ["event 1 came when nobody waited for it any more"]


@pytest.mark.parametrize(
    ("measured", "relation", "bound", "is_met"),
    [(1, "<=", 1, True), (2, "<=", 1, False), (2, ">=", 3, False), (0, "==", 0, True), (1, "==", 0, False)],
)
def test_a_goal_that_is_missed_is_told_so(measured: float, relation: Any, bound: float, is_met: bool) -> None:
    goal = Goal("R0", "planted", measured, relation, bound, "", 1, "")
    assert goal.is_met == is_met
    assert ("MISSED" in str(goal)) != is_met


@pytest.mark.parametrize("cut", ["fin", "rst"])
async def test_a_proxy_cuts_where_it_is_told_to(cut: Any) -> None:
    async with open_router(listen=["rs://127.0.0.1:0"]) as router:
        plan = Plan(down=Way(cut_at=1200, cut=cut, slices=7))
        async with open_proxy(router.urls[0], lambda _: plan) as proxy:
            with trio.fail_after(5), pytest.raises(SessionLost) as lost:
                async with open_session(proxy.url("rs"), realm="realm1") as session:
                    while True:
                        await session.call("wamp.session.count")
            assert proxy.passed[1] == 1200
            assert ("reset" in str(lost.value)) == (cut == "rst")


async def test_a_proxy_corrupts_and_a_frozen_one_passes_nothing() -> None:
    async with open_router(listen=["rs://127.0.0.1:0"]) as router:
        async with open_proxy(router.urls[0], lambda _: Plan(up=Way(corrupt=1), seed=3)) as proxy:
            with pytest.raises(ConnectError):
                async with open_session(proxy.url("rs"), realm="realm1"):
                    raise AssertionError("it was let in")
        async with open_proxy(router.urls[0]) as proxy, open_session(proxy.url("rs"), realm="realm1") as session:
            proxy.freeze()
            with trio.move_on_after(0.1) as scope:
                await session.call("wamp.session.count")
            assert scope.cancelled_caught
            proxy.thaw()
            assert await session.call("wamp.session.count") == 1


def test_a_plan_is_the_same_for_the_same_seed() -> None:
    assert random_plan(7) == random_plan(7) != random_plan(8)


@pytest.mark.skipif(bool(obstacle()), reason=obstacle() or "possible here")
async def test_a_cable_can_be_unplugged_and_leaves_nothing_behind() -> None:
    with open_cable() as cable:
        with cable.at_near():
            (listener,) = await trio.open_tcp_listeners(0, host=cable.near)
            port = listener.socket.getsockname()[1]
            near = await trio.open_tcp_stream(cable.near, port)
            far = await listener.accept()
            await near.send_all(b"x")
            assert await far.receive_some() == b"x"
            for stream in (near, far, listener):
                await stream.aclose()
    assert (await trio.run_process(["ip", "netns", "list"], capture_stdout=True)).stdout.count(b"trowamp-") == 0


@pytest.mark.skipif(bool(obstacle()), reason=obstacle() or "possible here")
def test_a_thread_that_was_at_a_host_goes_back_to_where_it_was() -> None:
    def place() -> Path:
        return Path("/proc/thread-self/ns/net").readlink()

    def places() -> tuple[Path, Path, Path]:
        before = place()
        with cable.at_near():
            near = place()
        return before, near, place()

    with open_cable() as cable, ThreadPoolExecutor(1) as threads:
        home = threads.submit(place).result()
        with cable.at_far():
            before, near, after = threads.submit(places).result()
    assert (before, after) == (home, home)
    assert near != home
