"""The API that programs written for Autobahn|Python know, on asyncio and on Twisted, over trowamp's core.

The modules have the names they have there, so that `from autobahn.asyncio.component import Component, run` becomes
`from trowamp_compat.asyncio.component import Component, run`. Nothing is chosen by importing: both frameworks can be used in one process.
"""

from __future__ import annotations

from trowamp import __version__

__all__ = ["__version__", "version"]

#: The version, once more by its other name.
version = __version__
