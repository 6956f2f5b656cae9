"""The event history outlasts the router: what it kept is there after a restart, also one that nobody had planned."""

from __future__ import annotations

import contextlib
import itertools
import logging
import signal
import sqlite3
import threading
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import pytest
import trio

import trowamp
from trowamp import HistoryRule, RouterOptions, _history
from trowamp._history_file import HistoryFile
from trowamp.router import HistoryChanges
from trowamp.router import Router as RouterCore

from .cli.program import Program, environment_of

TOPIC = "com.example.news"
GET = "wamp.subscription.get_events"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.sqlite"


@asynccontextmanager
async def router_with(path: Path, *rules: HistoryRule, **options: Any) -> AsyncGenerator[trowamp.Router, None]:
    limits = RouterOptions(event_history=rules or (HistoryRule(uri=TOPIC),))
    async with trowamp.open_router(limits=limits, history_path=path, **options) as router:
        yield router


async def publish(router: trowamp.Router, *values: Any, topic: str = TOPIC, **options: Any) -> list[int]:
    async with router.open_session(realm="realm1") as session:
        view = session.with_options(acknowledge=True, **options)
        ids = [await view.publish(topic, value) for value in values]
    assert all(isinstance(each, int) for each in ids)
    return [each for each in ids if each is not None]


async def past(
    router: trowamp.Router, uri: str = TOPIC, match: Literal["exact", "prefix"] = "exact", **query: Any
) -> list[Any]:
    return [event["args"][0] for event in await events_of(router, uri, match, **query)]


async def events_of(
    router: trowamp.Router, uri: str = TOPIC, match: Literal["exact", "prefix"] = "exact", **query: Any
) -> list[Any]:
    async with router.open_session(realm="realm1") as session:
        subscription = await session.subscribe(uri, print, match=match)
        return many(await session.call(GET, subscription.id, **query))


def many(found: Any) -> list[Any]:
    """Return the events of a result, of which there may be none or one."""
    if found is None:
        return []
    return list(found.args) if isinstance(found, trowamp.Result) else [found]


# ---- restart


async def test_a_router_goes_on_with_the_history_of_the_one_before(path: Path) -> None:
    async with router_with(path) as router:
        await publish(router, "one", "two")
        assert router.statistics().past_events == 2
    async with router_with(path) as router:
        assert await past(router) == ["one", "two"]
        await publish(router, "three")
        assert await past(router) == ["one", "two", "three"]
    async with router_with(path) as router:
        assert await past(router, reverse=True, limit=2) == ["three", "two"]


@pytest.mark.checklist("EH-R1", "EH-R5")
async def test_every_condition_holds_for_what_was_before_a_restart(path: Path) -> None:
    rule = HistoryRule(uri="com.example.", match="prefix")
    async with router_with(path, rule) as router:
        first, second, _ = await publish(router, 0, 1, 2)
        await publish(router, 3, topic="com.example.other")
        await publish(router, "for nobody here", eligible_authrole=["admin"])
    async with router_with(path, rule) as router:
        everything: dict[str, Any] = {"uri": "com.example.", "match": "prefix"}
        times = [event["timestamp"] for event in await events_of(router, **everything)]
        assert await past(router, **everything) == [0, 1, 2, 3]
        assert await past(router, **everything, reverse=True, limit=3) == [3, 2, 1]
        queries: list[dict[str, Any]] = [
            {"from_time": times[1]},
            {"after_time": times[1]},
            {"until_time": times[1]},
            {"before_time": times[1]},
            {"from_publication": second},
            {"after_publication": second},
            {"until_publication": second},
            {"before_publication": second},
            {"after_publication": first, "before_time": times[3]},
            {"topic": "com.example.other"},
        ]
        expected = [[1, 2, 3], [2, 3], [0, 1], [0], [1, 2, 3], [2, 3], [0, 1], [0], [1, 2], [3]]
        assert [await past(router, **everything, **query) for query in queries] == expected
        async with router.open_session(realm="realm1") as session:
            found = await session.call(
                GET, (await session.subscribe("com.example.", print, match="prefix")).id, topic="com.example.other"
            )
            assert found["args"] == [3] if isinstance(found, dict) else found[0]["args"] == [3]


async def test_limits_hold_across_restarts_and_in_the_file(path: Path) -> None:
    for values in ([0, 1, 2], [3, 4], [5]):
        async with router_with(path, HistoryRule(uri=TOPIC, max_events=4)) as router:
            await publish(router, *values)
    async with router_with(path, HistoryRule(uri=TOPIC, max_events=2)) as router:
        assert await past(router) == [4, 5]
    async with router_with(path, HistoryRule(uri="com.example.other")) as router:
        assert router.statistics().past_events == 0
    assert [len(events) for events in loaded(path).values()] == [0]


def loaded(path: Path) -> dict[str, Any]:
    file = HistoryFile(path)
    try:
        return file.load(["realm1"])
    finally:
        file.close()


async def test_realms_have_histories_of_their_own_and_wait_for_their_return(path: Path) -> None:
    limits = RouterOptions(event_history=[HistoryRule(uri=TOPIC)], auto_realms=True)
    for realms, expected in ((["a", "realm1"], 0), (["realm1"], 1), (["realm1", "a"], 2)):
        async with trowamp.open_router(realms, limits=limits, history_path=path) as router:
            assert router.statistics().past_events == expected
            if expected == 0:
                for realm in ("a", "realm1", "on.demand"):
                    async with router.open_session(realm=realm) as session:
                        await session.with_options(acknowledge=True).publish(TOPIC, realm)


# ---- a router that is killed

SERVE = """
[router]
listen = ["rs://127.0.0.1:0"]
history_path = "events.sqlite"
[[router.event_history]]
uri = "com.example.news"
max_events = 1000
"""


@pytest.fixture
def run(project: Path, tmp_path: Path) -> Iterator[Any]:
    """Start routers with a history, one after the other."""
    (tmp_path / "router.toml").write_text(SERVE, encoding="utf-8")
    programs: list[Program] = []

    def start() -> tuple[Program, str]:
        program = Program(("router", "--config", "router.toml"), environment_of(project, {}), tmp_path)
        programs.append(program)
        return program, program.says("listening on ").removeprefix("listening on ")

    yield start
    for program in programs:
        program.close()


async def test_a_router_that_is_killed_has_its_history_again(run: Any, path: Path) -> None:
    """What was published 0.1 s before the kill is there; what came later may be missing at the end, never in between."""
    total = 0
    for round_number in range(3):
        program, url = run()
        with pytest.raises(trowamp.SessionLost):
            async with trowamp.open_session(url, realm="realm1") as session:
                subscription = await session.subscribe(TOPIC, print)
                numbers = [event["args"][0] for event in many(await session.call(GET, subscription.id))]
                assert numbers == list(range(len(numbers)))
                assert len(numbers) >= total
                total = len(numbers) + 50
                for number in range(len(numbers), total):
                    await session.with_options(acknowledge=True).publish(TOPIC, number)
                await trio.sleep(0.5)  # the guarantee says 0.1 on a disk that keeps up; this machine may be busy
                for number in range(total, total + 50 * round_number):
                    await session.publish(TOPIC, number)
                program.process.send_signal(signal.SIGKILL)
                await trio.sleep(30)
        assert program.end().code == -signal.SIGKILL
    assert len(loaded(path)["realm1"]) >= total


def test_a_damaged_file_is_told_at_the_start(run: Any, tmp_path: Path, path: Path) -> None:
    path.write_bytes(b"x" * 10_000)
    program = Program(("router", "--config", "router.toml"), environment_of(Path(__file__).parent.parent, {}), tmp_path)
    code, out, err = program.end()
    program.close()
    assert (code, out) == (2, "")
    assert "events.sqlite is no event history, or damaged" in err
    assert "Traceback" not in err


# ---- a disk that is slow or full


async def test_what_was_published_is_on_the_disk_within_a_tenth_of_a_second(path: Path) -> None:
    async with router_with(path) as router:
        await publish(router, "one")
        start = trio.current_time()
        while router.statistics().unsaved_events:
            await trio.sleep(0.005)
            assert trio.current_time() - start < 5  # 0.1 where nothing else runs


async def test_a_slow_disk_never_blocks_the_router(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gate, is_saving = threading.Event(), threading.Event()
    save = HistoryFile.save
    batches: list[int] = []

    def slow(self: HistoryFile, changes: HistoryChanges) -> None:
        batches.append(len(changes.kept))
        is_saving.set()
        assert gate.wait(20)
        save(self, changes)

    monkeypatch.setattr(HistoryFile, "save", slow)
    async with router_with(path, HistoryRule(uri=TOPIC, max_events=100)) as router:
        await publish(router, *range(10))
        while not is_saving.is_set():  # noqa: ASYNC110  # an event of threads
            await trio.sleep(0.01)
        await publish(router, *range(10, 1000))
        assert len(await past(router)) == 100
        assert router.statistics().unsaved_events <= 2 * 100
        gate.set()
    assert sum(batches) <= 10 + 100
    assert [each.args[0] for each in loaded(path)["realm1"]] == list(range(900, 1000))


async def test_a_full_disk_is_logged_once_counted_and_tried_again(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    save = HistoryFile.save
    failures = iter(range(3))

    def full(self: HistoryFile, changes: HistoryChanges) -> None:
        if next(failures, None) is not None:
            raise sqlite3.OperationalError("database or disk is full")
        save(self, changes)

    monkeypatch.setattr(HistoryFile, "save", full)
    monkeypatch.setattr(_history, "_RETRY_TIME", 0.01)
    with caplog.at_level(logging.WARNING, "trowamp.router"):
        async with router_with(path) as router:
            await publish(router, "one")
            while router.statistics().unsaved_events:  # noqa: ASYNC110  # a number, nobody tells when it changes
                await trio.sleep(0.01)
            assert router.statistics().failed_saves == 3
            await publish(router, "two")
    texts = [record.getMessage() for record in caplog.records]
    assert [text.split(": ", 1)[1] for text in texts] == [
        "cannot write: database or disk is full; it is tried again every 0.01 s",
        "writing works again",
    ]
    assert [each.args[0] for each in loaded(path)["realm1"]] == ["one", "two"]


async def test_what_a_full_disk_lost_is_told_at_the_end(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(self: HistoryFile, changes: HistoryChanges) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(HistoryFile, "save", full)
    with caplog.at_level(logging.ERROR, "trowamp.router"):
        async with router_with(path) as router:
            await publish(router, "one", "two")
    assert caplog.records[-1].getMessage().endswith("2 events are lost")


async def test_whatever_fails_in_the_thread_the_router_goes_on_and_writes_when_it_can(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    save = HistoryFile.save
    failures = iter([MemoryError(), RuntimeError("can't start new thread")])

    def broken(self: HistoryFile, changes: HistoryChanges) -> None:
        failure = next(failures, None)
        if failure is not None:
            raise failure
        save(self, changes)

    monkeypatch.setattr(HistoryFile, "save", broken)
    monkeypatch.setattr(_history, "_RETRY_TIME", 0.01)
    with caplog.at_level(logging.WARNING, "trowamp.router"):
        async with router_with(path) as router:
            await publish(router, "one")
            while router.statistics().unsaved_events:  # noqa: ASYNC110  # a number, nobody tells when it changes
                await trio.sleep(0.01)
            assert router.statistics().failed_saves == 2
            assert await past(router) == ["one"]
    failed, works = caplog.records
    assert "cannot write: MemoryError(); it is tried again" in failed.getMessage()
    assert failed.exc_info is not None
    assert works.getMessage().endswith("writing works again")
    assert [each.args[0] for each in loaded(path)["realm1"]] == ["one"]


@pytest.mark.parametrize("failure", [MemoryError(), KeyboardInterrupt()], ids=repr)
async def test_the_file_is_given_back_however_the_last_attempt_ends(
    path: Path, monkeypatch: pytest.MonkeyPatch, failure: BaseException
) -> None:
    def broken(self: HistoryFile, changes: HistoryChanges) -> None:
        raise failure

    core = RouterCore(["realm1"], random_id=itertools.count(1).__next__, utc_now=lambda: datetime.now(UTC))
    keeper = await _history.open_history(path, core, ["realm1"])
    with monkeypatch.context() as patch:
        patch.setattr(HistoryFile, "save", broken)
        with contextlib.suppress(KeyboardInterrupt):
            await keeper.finish()
    assert loaded(path) == {"realm1": []}  # nobody else uses it


async def test_a_disk_that_hangs_does_not_keep_the_router_from_ending(
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    autojump_clock: trio.testing.MockClock,
) -> None:
    gate = threading.Event()
    monkeypatch.setattr(HistoryFile, "save", lambda self, changes: gate.wait(20))
    with caplog.at_level(logging.ERROR, "trowamp.router"):
        async with router_with(path) as router:
            await publish(router, "one")
    gate.set()
    assert caplog.records[-1].getMessage().endswith("1 events are lost")


# ---- what cannot be


async def test_a_file_without_anything_to_keep_is_refused(path: Path) -> None:
    with pytest.raises(ValueError, match="nothing is kept"):
        async with trowamp.open_router(history_path=path):
            pass
    assert not await trio.Path(path).exists()


async def test_two_routers_cannot_have_the_same_file(path: Path) -> None:
    async with router_with(path):
        with pytest.raises(OSError, match="another process uses it"):
            async with router_with(path):
                pass
    async with router_with(path) as router:
        assert router.statistics().past_events == 0
