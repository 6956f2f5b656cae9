"""What Python's garbage collector is spared while a program runs."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def imports_spared() -> Iterator[None]:
    """Keep the collector from what was there before: modules and their classes, which stay as long as the program.

    To walk over them takes it 20 ms, in which nothing else happens; the first time is soon after the start, as they all look new then. A program
    that has frozen objects itself is left as it is.
    """
    if gc.get_freeze_count():
        yield
        return
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
