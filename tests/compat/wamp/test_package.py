"""What the package `wamp` offers, and what importing it does not do."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest
import trowamp_compat
from trowamp_compat import wamp

import trowamp

MODULES = [
    "auth",
    "component",
    "cryptobox",
    "cryptosign",
    "error",
    "exception",
    "interfaces",
    "message",
    "mnemonic",
    "protocol",
    "request",
    "role",
    "serializer",
    "types",
    "uri",
]


def test_every_name_that_is_promised_is_there() -> None:
    assert [name for name in wamp.__all__ if not hasattr(wamp, name)] == []


@pytest.mark.parametrize("name", MODULES)
def test_modules_are_reachable_as_attributes(name: str) -> None:
    assert getattr(wamp, name) is importlib.import_module(f"trowamp_compat.wamp.{name}")


@pytest.mark.parametrize("name", [name for name in MODULES if name not in ("component", "protocol", "mnemonic")])
def test_a_module_says_what_is_public(name: str) -> None:
    module = importlib.import_module(f"trowamp_compat.wamp.{name}")
    assert [each for each in module.__all__ if not hasattr(module, each)] == []
    assert module.__doc__


def test_a_name_that_there_is_not_is_told() -> None:
    with pytest.raises(AttributeError, match="colour"):
        _ = wamp.colour


def test_the_version_is_that_of_the_core() -> None:
    assert trowamp_compat.version == trowamp_compat.__version__ == trowamp.__version__


@pytest.mark.autobahn("S-98")
def test_there_is_nothing_of_the_first_version_of_wamp() -> None:
    assert not hasattr(wamp, "WampServerFactory")
    with pytest.raises(ImportError):
        importlib.import_module("trowamp_compat.wamp1")


@pytest.mark.autobahn("W-27")
def test_importing_the_vocabulary_loads_no_framework() -> None:
    program = (
        "import sys, importlib\n"
        f"for name in {MODULES!r}: importlib.import_module('trowamp_compat.wamp.' + name)\n"
        "import trowamp_compat.util, trowamp_compat.exception\n"
        "print([name for name in ('twisted', 'uvloop', 'txaio') if name in sys.modules])\n"
        "print(sys.modules.get('asyncio') is not None and sys.modules['asyncio']._get_running_loop() is not None)"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    assert run.stdout.splitlines() == ["[]", "False"], run.stderr
