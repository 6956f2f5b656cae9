"""Ctrl-C and SIGTERM while the reactor starts."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any, Final, Self

from ._face import stop

_UNTOUCHED: Final[dict[signal.Signals, Any]] = {
    signal.SIGINT: signal.default_int_handler,
    signal.SIGTERM: signal.SIG_DFL,
}


class HeldSignals:
    """Keeps signals until a reactor runs and can stop for them; in the block, what the program handles itself stays as it is.

    Twisted takes signals into its hands while it starts. What comes before would be a KeyboardInterrupt in the middle of that, which ends the program
    with a traceback, or is logged and forgotten by what Twisted calls then; nothing would stop the program any more.
    """

    def __init__(self) -> None:
        self._came: signal.Signals | None = None
        self._reactor: Any = None
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():  # others get no signals, and may not ask for them
            for number, handler in _UNTOUCHED.items():
                if signal.getsignal(number) == handler:
                    self._before[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if self._came is not None and self._reactor is None:
            signal.raise_signal(self._came)

    def begin(self, reactor: Any, main: Callable[[], object]) -> None:
        """Begin what the reactor is for, now that it runs; or stop it, if a signal has come already."""
        self._reactor = reactor
        if self._came is None:
            main()
        else:
            stop(reactor)

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        self._came = signal.Signals(number)
        if self._reactor is not None:
            self._reactor.callFromThread(stop, self._reactor)
