"""Past events in an SQLite file. Everything here blocks: it is called in threads, in one at a time."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from .router import HistoryChanges, PastEvent

_APPLICATION: Final = 0x74574D50  # "tWMP": whose file this is
_VERSION: Final = 1
_TABLE: Final = """
CREATE TABLE past_event (
    realm TEXT NOT NULL,
    number INTEGER NOT NULL,
    published TEXT NOT NULL,
    publication INTEGER NOT NULL,
    topic TEXT NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (realm, number)
) WITHOUT ROWID
"""
_INSERT: Final = "INSERT OR REPLACE INTO past_event VALUES (?, ?, ?, ?, ?, ?)"
_DELETE: Final = "DELETE FROM past_event WHERE realm = ? AND number = ?"
_SELECT: Final = "SELECT number, published, publication, topic, body FROM past_event WHERE realm = ? ORDER BY number"


class _Body(msgspec.Struct, array_like=True):
    """What has no column of its own, as MessagePack."""

    details: dict[str, Any]
    lists: dict[str, Any]
    args: Any
    kwargs: dict[str, Any] | None
    size: int


_read_body: Final = msgspec.msgpack.Decoder(_Body).decode
_Row = tuple[int, str, int, str, bytes]


class HistoryFile:
    """The past events of a router, in a file that belongs to it alone while it is open.

    A transaction is on the disk when `save` returns. Whatever happens to the process, or to the machine, the file holds all transactions up to some
    point, each as a whole.

    Args:
        path: The file; it is made, for its owner only, if there is none.

    Raises:
        OSError: It cannot be opened, or another process uses it.
        ValueError: It is something else, or damaged, or of a later version of trowamp.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))  # SQLite would let others read it
        self._database = sqlite3.connect(path, isolation_level=None, timeout=0, check_same_thread=False)
        try:
            self._prepare()
        except sqlite3.OperationalError as error:
            self.close()
            raise OSError(f"cannot use the event history {path}: {_words_of(error)}") from error
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:  # the latter where words of an error are damaged
            self.close()
            raise ValueError(f"{path} is no event history, or damaged: {error}") from error
        except BaseException:
            self.close()
            raise

    def __repr__(self) -> str:
        return f"<HistoryFile {str(self.path)!r}>"

    def load(self, realms: Iterable[str]) -> dict[str, list[PastEvent]]:
        """Return the events of realms, in order.

        Raises:
            ValueError: The file is damaged.
        """
        try:
            return {realm: [_event_of(row) for row in self._database.execute(_SELECT, (realm,))] for realm in realms}
        except (sqlite3.DatabaseError, msgspec.DecodeError, ValueError, TypeError) as error:
            raise ValueError(f"{self.path} is damaged: {error}") from error

    def save(self, changes: HistoryChanges) -> None:
        """Write changes, all or none.

        Raises:
            sqlite3.Error: They could not be written.
        """
        run = self._database.execute
        if self._database.in_transaction:
            run("ROLLBACK")  # what failed last time
        run("BEGIN IMMEDIATE")
        self._database.executemany(_INSERT, (_row_of(realm, event) for realm, event in changes.kept))
        self._database.executemany(_DELETE, changes.dropped)
        run("COMMIT")

    def close(self) -> None:
        """Give the file back."""
        self._database.close()

    def _prepare(self) -> None:
        run = self._database.execute
        run("PRAGMA locking_mode = EXCLUSIVE")
        run("PRAGMA journal_mode = WAL")
        run("PRAGMA synchronous = FULL")
        run("BEGIN EXCLUSIVE")
        application, version, tables = (
            run(question).fetchone()[0]
            for question in ("PRAGMA application_id", "PRAGMA user_version", "SELECT count(*) FROM sqlite_master")
        )
        if tables == 0 and application in (0, _APPLICATION):
            run(_TABLE)
            run(f"PRAGMA application_id = {_APPLICATION}")
            run(f"PRAGMA user_version = {_VERSION}")
        elif application != _APPLICATION:
            raise ValueError(f"{self.path} is no event history but another SQLite database")
        elif version > _VERSION:
            raise ValueError(f"{self.path} is of a later version of trowamp: schema {version} instead of {_VERSION}")
        run("COMMIT")
        (verdict,) = run("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise ValueError(f"{self.path} is damaged: {verdict}")


def _row_of(realm: str, event: PastEvent) -> tuple[Any, ...]:
    body = _Body(event.details, event.lists, event.args, event.kwargs, event.size)
    published = event.published.isoformat()
    return realm, event.number, published, event.publication_id, event.topic, msgspec.msgpack.encode(body)


def _event_of(row: tuple[Any, ...]) -> PastEvent:
    number, published, publication, topic, body = msgspec.convert(row, _Row)  # SQLite does not check types
    read = _read_body(body)
    time = datetime.fromisoformat(published)
    return PastEvent(number, time, publication, topic, read.details, read.lists, read.args, read.kwargs, read.size)


def _words_of(error: sqlite3.OperationalError) -> str:
    return "another process uses it" if "locked" in str(error) else str(error)
