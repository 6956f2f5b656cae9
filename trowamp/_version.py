"""The version, in a module of its own: everything may read it, and importing it imports nothing."""

from __future__ import annotations

__version__ = "0.1.0"
