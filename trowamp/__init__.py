"""trowamp: a Trio-native toolkit for WAMP v2."""

from __future__ import annotations

from ._exceptions import *  # noqa: F403  # the tree of errors, whole; its module says what belongs to it
from ._version import __version__ as __version__
