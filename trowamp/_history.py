"""The event history of a router, kept in a file: written in a thread, in batches, never in the way of the router.

What waits to be written is never more than what the rules of the history keep (see `HistoryJournal`), and so is what is being written. So nothing is
thrown away when the disk is slow or full: batches grow, and a batch that failed is tried again.
"""

from __future__ import annotations

import logging
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Final

import trio

from ._history_file import HistoryFile

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .router import HistoryChanges, HistoryJournal
    from .router import Router as RouterCore

_log = logging.getLogger("trowamp.router")

BATCH_TIME: Final = 0.05  # seconds that a batch is collected for
_RETRY_TIME: Final = 1.0  # seconds until what failed is tried again
_FINISH_TIME: Final = 5.0  # seconds that the end of the router waits for the disk


async def open_history(path: Path, core: RouterCore, realms: Iterable[str]) -> HistoryKeeper:
    """Open the file of a history, and give a router core the events that are in it.

    Args:
        path: The file.
        core: The router core, before it has sessions.
        realms: The realms whose events are kept.

    Raises:
        OSError: The file cannot be opened, or another process uses it.
        ValueError: It is no event history, or damaged.
    """
    file = await trio.to_thread.run_sync(HistoryFile, path)
    try:
        past = await trio.to_thread.run_sync(file.load, list(realms))
        return HistoryKeeper(file, core.record_history(past))
    except BaseException:
        file.close()
        raise


class HistoryKeeper:
    """Writes what a journal collects.

    Attributes:
        failures: How many attempts to write failed.
    """

    def __init__(self, file: HistoryFile, journal: HistoryJournal) -> None:
        self.failures = 0
        self._file = file
        self._journal = journal
        self._batch: HistoryChanges | None = None  # what is being written, or could not be
        self._is_new = trio.Event()
        self._lock = trio.Lock()
        self._thread = trio.CapacityLimiter(1)  # its own: those of the program may all be busy
        self._is_failing = False

    @property
    def unsaved(self) -> int:
        """How many events wait to be written."""
        return len(self._journal) + (0 if self._batch is None else len(self._batch.kept))

    def look(self) -> None:
        """Notice that there is something to write, if there is."""
        if self._journal:
            self._is_new.set()

    async def run(self) -> None:
        """Write until cancelled: within 0.1 s, if the disk keeps up."""
        self.look()
        while True:
            await self._is_new.wait()
            await trio.sleep(BATCH_TIME)
            self._is_new = trio.Event()
            while not await self._save():  # noqa: ASYNC110  # nobody tells when a disk is full no more
                await trio.sleep(_RETRY_TIME)
            self.look()

    async def finish(self) -> None:
        """Write what is left and close the file. A disk that does not keep up is not waited for; what is lost is logged."""
        try:
            with trio.move_on_after(_FINISH_TIME):
                _ = await self._save() and await self._save()  # first what could not be written before, then the rest
            if self.unsaved:
                _log.error("event history %s: %d events are lost", self._file.path, self.unsaved)
        finally:
            if not self._thread.borrowed_tokens:  # otherwise a thread is still at it
                self._file.close()

    async def _save(self) -> bool:
        """Write one batch; return False if that failed."""
        async with self._lock:
            try:
                batch = self._batch = self._batch or self._journal.take()
                await trio.to_thread.run_sync(self._file.save, batch, abandon_on_cancel=True, limiter=self._thread)
            except Exception as error:  # noqa: BLE001  # whatever is broken here, the router goes on without its file
                self._tell_failure(error)
                return False
            self._batch = None
            if self._is_failing:
                _log.warning("event history %s: writing works again", self._file.path)
            self._is_failing = False
            return True

    def _tell_failure(self, error: Exception) -> None:
        """Log the first failure of a row, and count all. A failure that is not the disk's is a bug or lack of memory: it has its traceback."""
        self.failures += 1
        if not self._is_failing:
            self._is_failing = True
            is_expected = isinstance(error, sqlite3.Error)
            words, trace = (str(error), None) if is_expected else (repr(error), error)
            text = "event history %s: cannot write: %s; it is tried again every %g s"
            _log.error(text, self._file.path, words, _RETRY_TIME, exc_info=trace)
