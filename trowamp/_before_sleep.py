"""What is done once before a run sleeps instead of once per message: one system call sends all that a pass of the scheduler has queued.

Trio tells an instrument when it is about to wait for I/O. Nothing may be scheduled from there, because Trio has decided already how long it
sleeps; a chore that finds work for a task returns what wakes it, and that is called in the next pass.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import NoReturn

import trio
from trio.lowlevel import add_instrument, current_statistics, enable_ki_protection, remove_instrument

Chore = Callable[[], Callable[[], object] | None]

_BUSY_PASSES = 8  # bounds what a busy scheduler adds to a message's way
_UNUSED_PASSES = 1000  # an instrument costs each pass half a microsecond


class BeforeSleep(trio.abc.Instrument):
    """Does the chores of one run. Ask `before_sleep` for it."""

    def __init__(self) -> None:
        self._token = trio.lowlevel.current_trio_token()
        self._chores: list[Chore] = []
        self._passes = 0  # since the first of them was asked for
        self._unused = 0  # passes in a row without a chore
        self._is_installed = False
        self._has_to_look = "trio.testing" in sys.modules

    def ask(self, chore: Chore) -> None:
        """Have a chore done once, when the run is about to sleep, and after a few passes if it is too busy to.

        Args:
            chore: May not schedule tasks. It returns what does, or None.
        """
        self._chores.append(chore)
        if not self._is_installed:
            self._is_installed = True
            self._unused = 0
            add_instrument(self)

    @enable_ki_protection
    def before_io_wait(self, timeout: float) -> None:
        """Do the chores."""
        if not self._chores:
            self._rest()
            return
        if timeout <= 0 and self._passes < _BUSY_PASSES and self._is_busy():
            self._passes += 1
            return
        self._passes = self._unused = 0
        chores, self._chores = self._chores, []
        for chore in chores:
            try:
                afterwards = chore()
            except BaseException as error:  # noqa: BLE001  # Trio would log it and go on without us: messages would never leave
                self._token.run_sync_soon(_raise, error)
            else:
                if afterwards is not None:
                    self._token.run_sync_soon(afterwards)

    def _is_busy(self) -> bool:
        """Whether a task can run: not to sleep may also mean that a test waits for just the moment when everybody else waits. To look is dear."""
        return not self._has_to_look or current_statistics().tasks_runnable > 0

    def _rest(self) -> None:
        self._unused += 1
        if self._unused > _UNUSED_PASSES:
            self._is_installed = False
            remove_instrument(self)


_instrument: trio.lowlevel.RunVar[BeforeSleep] = trio.lowlevel.RunVar("trowamp before sleep")


def before_sleep() -> BeforeSleep:
    """Return the one of the current run."""
    try:
        return _instrument.get()
    except LookupError:
        made = BeforeSleep()
        _instrument.set(made)
        return made


def _raise(error: BaseException) -> NoReturn:
    raise error
