"""What Python's garbage collector is spared while a program runs."""

from __future__ import annotations

import functools
import gc


@functools.cache
def spare_what_is_there() -> None:
    """Keep the collector from all that is there when a process runs its first loop: modules and their classes, for the most part.

    To walk over them takes it 20 ms, in which nothing else happens; the first time is soon after the start, as they all look new then. They stay
    as long as the process anyhow. What a program has made before is kept from the collector as well, but is freed as ever when nobody refers to it.

    It is done once in a process: in a program that runs loops one after the other, what each leaves behind is for the collector.
    """
    gc.collect()
    gc.freeze()
