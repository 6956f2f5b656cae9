"""What a process that is nothing but a router tells its memory managers: a program with a router in it may have other ideas."""

from __future__ import annotations

import ctypes
import gc
import sys
from typing import Final

_TOP_PAD: Final = -2  # M_TOP_PAD of mallopt(3)
_MMAP_THRESHOLD: Final = -3  # M_MMAP_THRESHOLD
_ROOM: Final = 16 * 1024 * 1024  # octets
_NEW_OBJECTS: Final = 10_000  # between collections: they walk over sessions, and find next to nothing


def settle() -> None:
    """Call it once, when everything has been started."""
    gc.collect()
    gc.freeze()  # otherwise every collection walks over all modules again, which takes a fifth of what joining costs
    gc.set_threshold(_NEW_OBJECTS)
    _keep_room()


def _keep_room() -> None:
    """Have the C library keep room for a few large messages.

    Otherwise it gives theirs back to the kernel after each of them and gets it again page by page, which can cost more than all else about them.
    """
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # glibc has it
        if mallopt is not None:
            mallopt(_TOP_PAD, _ROOM)
            mallopt(_MMAP_THRESHOLD, _ROOM)  # or what is larger than 128 KiB is not taken from that room
