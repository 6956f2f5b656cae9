"""Past events in a file: what was saved is there again, and what is no history is refused."""

from __future__ import annotations

import os
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trowamp._history_file import HistoryFile
from trowamp.router import HistoryChanges, PastEvent

NOW = datetime(2026, 2, 3, 4, 5, 6, 789, tzinfo=UTC)


def event(number: int, *args: Any, **kwargs: Any) -> PastEvent:
    return PastEvent(number, NOW, 2**53 - number, "com.example.topic", {}, {}, list(args), kwargs or None, 10)


def kept(*events: PastEvent, realm: str = "realm1") -> HistoryChanges:
    return HistoryChanges([(realm, each) for each in events], [])


def reload(path: Path, realm: str = "realm1") -> list[PastEvent]:
    file = HistoryFile(path)
    try:
        return file.load([realm])[realm]
    finally:
        file.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.sqlite"


def test_what_was_saved_is_loaded_in_order(path: Path) -> None:
    payload: list[Any] = [None, True, -(2**63), 2**64 - 1, 0.5, "é\0", b"\0\xff", [1], {"a": {"b": []}}]
    rich = PastEvent(7, NOW, 5, "a..b", {"publisher": 3}, {"eligible_authid": ["joe"]}, payload, {"k": b"v"}, 99)
    file = HistoryFile(path)
    file.save(kept(event(10, 1), rich, event(9, 2)))
    file.save(HistoryChanges([("other", event(1))], [("realm1", 9)]))
    file.close()
    assert reload(path) == [rich, event(10, 1)]
    assert reload(path, "other") == [event(1)]
    assert reload(path, "third") == []


def test_changes_are_saved_all_or_none(path: Path) -> None:
    file = HistoryFile(path)
    broken = HistoryChanges([("realm1", event(1))], [("realm1", object())])  # type: ignore[list-item]
    with pytest.raises(sqlite3.Error):
        file.save(broken)
    file.save(kept(event(2)))
    file.close()
    assert reload(path) == [event(2)]


def test_a_full_disk_is_an_error_and_leaves_no_part_of_a_batch(path: Path) -> None:
    file = HistoryFile(path)
    file._database.execute("PRAGMA max_page_count = 10")
    large = [event(number, "x" * 4000) for number in range(20)]
    with pytest.raises(sqlite3.OperationalError, match="disk is full"):
        file.save(kept(*large))
    file.save(kept(event(100)))
    file._database.execute("PRAGMA max_page_count = 1000000")
    assert file.load(["realm1"])["realm1"] == [event(100)]
    file.save(kept(*large))
    file.close()
    assert reload(path) == [*large, event(100)]


@pytest.mark.skipif(os.name != "posix", reason="modes of files are POSIX's")
def test_the_file_is_its_owners_only(path: Path) -> None:
    HistoryFile(path).close()
    assert path.stat().st_mode & 0o077 == 0


def test_a_file_belongs_to_one_router_at_a_time(path: Path) -> None:
    file = HistoryFile(path)
    with pytest.raises(OSError, match=r"cannot use the event history .*events.sqlite: another process uses it"):
        HistoryFile(path)
    file.close()
    HistoryFile(path).close()


def test_a_file_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="nowhere"):
        HistoryFile(tmp_path / "nowhere" / "events.sqlite")
    with pytest.raises(IsADirectoryError):
        HistoryFile(tmp_path)


def test_a_file_of_something_else_is_left_as_it_is(path: Path) -> None:
    path.write_bytes(b"no database at all" * 100)
    with pytest.raises(ValueError, match=r"events.sqlite is no event history, or damaged: file is not a database"):
        HistoryFile(path)
    assert path.read_bytes() == b"no database at all" * 100


def test_a_database_of_something_else_is_refused(path: Path) -> None:
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE mine (x)")
    database.close()
    with pytest.raises(ValueError, match="is no event history but another SQLite database"):
        HistoryFile(path)


def test_a_file_of_a_later_version_is_refused(path: Path) -> None:
    HistoryFile(path).close()
    database = sqlite3.connect(path)
    database.execute("PRAGMA user_version = 2")
    database.close()
    with pytest.raises(ValueError, match="of a later version of trowamp: schema 2 instead of 1"):
        HistoryFile(path)


@pytest.mark.parametrize("place", [5000, 9000])
def test_a_damaged_file_is_refused(path: Path, place: int) -> None:
    file = HistoryFile(path)
    file.save(kept(*(event(number, "x" * 500) for number in range(100))))
    file.close()
    octets = bytearray(path.read_bytes())
    octets[place : place + 3000] = b"\xee" * 3000
    path.write_bytes(octets)
    with pytest.raises(ValueError, match="damaged"):
        reload(path)


@pytest.fixture(scope="module")
def intact(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return the octets of a file with events."""
    path = tmp_path_factory.mktemp("history") / "events.sqlite"
    file = HistoryFile(path)
    file.save(kept(*(event(number, "x" * 300, key=number) for number in range(60))))
    file.close()
    return path.read_bytes()


@given(st.lists(st.tuples(st.integers(0, 2**16), st.binary(min_size=1, max_size=40)), min_size=1, max_size=3))
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_happened_to_a_file_it_is_read_or_refused(
    intact: bytes, tmp_path: Path, damages: list[tuple[int, bytes]]
) -> None:
    octets = bytearray(intact)
    for place, damage in damages:
        octets[place % len(octets) : place % len(octets) + len(damage)] = damage
    path = tmp_path / "damaged.sqlite"
    for leftover in tmp_path.iterdir():
        leftover.unlink()
    path.write_bytes(octets)
    try:
        assert all(isinstance(each, PastEvent) for each in reload(path))
    except (ValueError, OSError) as error:
        assert "damaged.sqlite" in str(error)  # noqa: PT017  # either is fine


@pytest.mark.parametrize(
    "values", ["NULL, 1, 1, 1, x'00'", "'x', 1, 1, 'a', x'95'", "7, 'x', NULL, 2, 'b'", "1.5, 1, 'a', 'a', 3"]
)
def test_rows_of_other_types_are_told(path: Path, values: str) -> None:
    file = HistoryFile(path)
    number, rest = values.split(", ", 1)
    file._database.execute("DROP TABLE past_event")
    file._database.execute("CREATE TABLE past_event (realm, number, published, publication, topic, body)")
    file._database.execute(f"INSERT INTO past_event VALUES ('realm1', {number}, {rest})")
    with pytest.raises(ValueError, match=r"events.sqlite is damaged"):
        file.load(["realm1"])
    file.close()


def test_a_damaged_event_is_told(path: Path) -> None:
    file = HistoryFile(path)
    file._database.execute("INSERT INTO past_event VALUES ('realm1', 1, 'x', 1, 'a', x'00')")
    with pytest.raises(ValueError, match=r"events.sqlite is damaged"):
        file.load(["realm1"])
    file.close()
