"""trowamp: a Trio-native toolkit for WAMP v2."""

from __future__ import annotations

from ._exceptions import *  # noqa: F403  # the tree of errors, whole; its module says what belongs to it

__version__ = "0.1.0"
