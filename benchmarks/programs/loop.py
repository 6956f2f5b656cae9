"""The fastest asyncio loop there is here: uvloop where it is installed, and the standard one elsewhere."""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import Coroutine
from typing import Any


def run(main: Coroutine[Any, Any, object]) -> None:
    """Run a program, on uvloop if possible: what it measures is the other end."""
    if importlib.util.find_spec("uvloop"):
        importlib.import_module("uvloop").run(main)
    else:
        asyncio.run(main)
