"""The text of a router's configuration, without a file."""

from __future__ import annotations

import tomllib
from pathlib import Path

from trowamp.cli._config import RouterConfig, understood
from trowamp.cli._config_secrets import Secrets


def parsed(text: str, folder: Path = Path(), **environment: str) -> RouterConfig:
    """Understand what a file in a folder would say, with these variables."""
    return understood(tomllib.loads(text), Secrets(folder, environment))
