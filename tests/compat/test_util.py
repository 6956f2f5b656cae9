"""Small things that programs import from `util`."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from trowamp_compat import util
from trowamp_compat.exception import Disconnected, PayloadCorruptError, PayloadExceededError

pytestmark = pytest.mark.frameworks("asyncio", "twisted")  # one module for both


def test_ids_count_and_begin_again() -> None:
    ids = util.IdGenerator()
    assert (ids.next(), next(ids), next(iter(ids))) == (1, 2, 3)
    ids._next = 2**53
    assert ids.next() == 1


@pytest.mark.autobahn("W-2")
def test_random_texts_and_numbers_do_not_repeat() -> None:
    assert len({util.newid() for _ in range(50)}) == len({util.rid() for _ in range(50)}) == 50
    assert 1 <= util.id() <= 2**53
    assert len(util.newid(7)) == 7
    assert re.fullmatch(r"[\w]{4}(-[\w]{4}){5}", util.generate_serial_number())
    assert re.fullmatch(r"(ab|ba|aa|bb)\.(ab|ba|aa|bb)", util.generate_token(2, 2, "AB", ".", lower_case=True))
    assert len(util.generate_user_password()) == 16
    assert util.parse_activation_code(util.generate_activation_code()) is not None
    assert util.parse_activation_code("0000-0000-0000") is None


@pytest.mark.autobahn("W-2")
def test_the_random_numbers_of_a_program_stay_its_own() -> None:
    program = (
        "import random; random.seed(1); state = random.getstate()\n"
        "from trowamp_compat import util; from trowamp_compat.wamp import auth\n"
        "util.newid(), util.rid(), auth.generate_wcs()\n"
        "assert random.getstate() == state"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    assert run.returncode == 0, run.stderr


def test_times_are_written_in_utc() -> None:
    moment = datetime(2026, 11, 21, 12, 0, 0, 5000, tzinfo=timezone(timedelta(hours=1)))
    assert util.utcstr(moment) == "2026-11-21T11:00:00.005Z"
    assert util.utcstr(moment.replace(tzinfo=None)) == "2026-11-21T12:00:00.005Z"
    assert abs(datetime.fromisoformat(util.utcnow()) - datetime.now(UTC)) < timedelta(minutes=1)
    assert abs(util.rtime() - datetime.now(UTC).timestamp()) < 60


def test_a_stopwatch_runs_pauses_and_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [10.0]
    monkeypatch.setattr("time.perf_counter", lambda: now[0])
    watch = util.Stopwatch()
    now[0] += 1
    assert (watch.elapsed(), watch.pause()) == (1, 1)
    now[0] += 1
    assert watch.resume() == 1
    now[0] += 1
    assert (watch.resume(), watch.stop(), watch.elapsed()) == (2, 2, 0)
    assert util.Stopwatch(start=False).elapsed() == 0


@pytest.mark.parametrize(
    ("seconds", "text"), [(1e-6, " 1000 ns"), (0.01, "10000 us"), (3.5, " 3500 ms"), (200.0, "  200 s ")]
)
def test_a_tracker_tells_the_time_between_two_things(
    monkeypatch: pytest.MonkeyPatch, seconds: float, text: str
) -> None:
    now = [0.0]
    monkeypatch.setattr("time.perf_counter", lambda: now[0])
    tracker = util.Tracker("me", "it")
    tracker.track("begin")
    now[0] += seconds
    tracker.track("end")
    assert tracker.diff("begin", "end", formatted=False) == seconds
    assert tracker.diff("begin", "end") == text
    assert (tracker.diff("begin", "never"), tracker.diff("begin", "never", formatted=False)) == ("    n.a.", None)
    assert tracker["end"] == seconds
    assert list(tracker) == ["begin", "end"]
    assert isinstance(tracker.absolute("end"), datetime)
    assert tracker.absolute("never") is None


def test_a_text_is_cut_between_characters() -> None:
    assert util.encode_truncate("äöü", 5) == "äö".encode()
    assert util.encode_truncate("äöü", 5, return_encoded=False) == "äö"
    assert util.encode_truncate("abc", 5) == b"abc"


def test_octets_are_combined() -> None:
    assert util.xor(b"ab", b"cd") == b"\x02\x06"
    with pytest.raises(ValueError, match="1 octets"):
        util.xor(b"a", b"cd")


def test_stars_in_a_wildcard_stand_for_anything() -> None:
    pattern, other = util.wildcards2patterns(["*.example.com", "a?"])
    assert pattern.match("www.example.com")
    assert not pattern.match("wwwXexample.com")
    assert other.match("a?")
    assert not other.match("ab")


def test_values_are_written_for_the_log() -> None:
    values = (util.hl(3), util.hlval("x"), util.hlid(7), util.hluserid("joe"), util.hlcontract("0x12"))
    assert values == ("3", "x", "7", '"joe"', "<0x12>")
    assert util.hltype(util.Stopwatch) == util.hltype(util.Stopwatch()) == "<trowamp_compat.util.Stopwatch>"
    assert util.hltype(util.xor) == "<trowamp_compat.util.xor>"
    assert (util.with_0x("ab"), util.with_0x("0xab"), util.without_0x("0xab"), util.without_0x("ab")) == (
        "0xab",
        "0xab",
        "ab",
        "ab",
    )


def test_objects_with_equal_attributes_are_equal() -> None:
    class Point(util.EqualityMixin):
        def __init__(self, x: int) -> None:
            self.x = x

    assert Point(1) == Point(1)
    assert Point(1) != Point(2)
    assert Point(1) != 1


def test_errors_of_transports_are_runtime_errors() -> None:
    assert all(issubclass(kind, RuntimeError) for kind in (Disconnected, PayloadCorruptError, PayloadExceededError))


class Observed(util.ObservableMixin):
    """Calls no constructor of a base class, as some programs do."""

    def __init__(self) -> None:
        self.set_valid_events(["begin", "end"])


def test_listeners_are_called_and_their_results_gathered() -> None:
    async def main() -> list[Any]:
        observed = Observed()

        async def later(x: int) -> int:
            return x + 1

        observed.on("begin", later)
        observed.on("begin", lambda x: x)
        result: list[Any] = await observed.fire("begin", 1)
        observed.off("begin", later)
        result.append(await observed.fire("begin", 5))
        observed.off()
        result.append(await observed.fire("begin", 5))
        return result

    assert asyncio.run(main()) == [2, 1, [5], []]


def test_an_event_that_there_is_not_is_told() -> None:
    observed = Observed()
    for use in (observed.fire, observed.off, lambda event: observed.on(event, print)):
        with pytest.raises(RuntimeError, match="Expected one of: begin, end"):
            use("middle")
    observed.set_valid_events(None)
    observed.on("middle", print)
    with pytest.raises(AttributeError, match="colour"):
        _ = observed.colour


def test_keys_are_written_to_files_and_read(tmp_path: Path) -> None:
    path = str(tmp_path / "key")
    util.write_keyfile(
        path, {"creator": "me", "public-key-ed25519": "ab", "private-key-ed25519": "cd", "x": None}, "Mine"
    )
    assert util.parse_keyfile(path) == {"creator": "me", "public-key-ed25519": "ab", "private-key-ed25519": "cd"}
    util.write_keyfile(path, {"public-key-ed25519": "ab"}, "Mine")
    assert util.parse_keyfile(path, private=False) == {"public-key-ed25519": "ab"}
    with pytest.raises(ValueError, match="no line 'private-key-ed25519'"):
        util.parse_keyfile(path)
    Path(path).write_text("a: 1\na: 2\n", encoding="utf-8")
    with pytest.raises(ValueError, match="2: 'a' is there twice"):
        util.parse_keyfile(path)


def test_a_loop_is_found_or_made() -> None:
    from trowamp_compat.asyncio.util import get_or_create_event_loop

    async def running() -> bool:
        return get_or_create_event_loop() is asyncio.get_running_loop()

    assert asyncio.run(running())
    made = get_or_create_event_loop()  # asyncio.run leaves none
    assert get_or_create_event_loop() is made
    made.close()
    again = get_or_create_event_loop()
    assert again is not made
    again.close()
    asyncio.set_event_loop(None)


def test_names_are_found_where_programs_look_for_them() -> None:
    from trowamp_compat.twisted import wamp, websocket

    assert wamp.WampWebSocketClientFactory is websocket.WampWebSocketClientFactory
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = wamp.nothing
