"""Every limit has a finite default and a key in the configuration file, and does what it says; those chosen with care are what was chosen."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from trio.testing import MockClock

from tests.reliability.limits import BEHAVIOUR, FIXED, ISSUE, OTHER, open_limited
from trowamp import RouterOptions
from trowamp._open import _PING_INTERVAL, DEFAULT_PING_TIMEOUT
from trowamp._router_connection import _BEFORE_WELCOME
from trowamp._router_shell import ServerOptions
from trowamp.cli._config import LIMITS
from trowamp.router import _failures
from trowamp.wire import _values

MIB = 2**20
CHOSEN: dict[str, Any] = {
    "max_message_size": MIB,
    "outbox_limit": 8 * MIB,
    "outbox_soft_limit": MIB,
    "outbox_soft_timeout": 10,
    "handshake_timeout": 15,
    "opening_timeout": 5,
    "hello_timeout": 5,
    "authentication_timeout": 10,
    "ping_interval": 10,
    "ping_timeout": 10,
    "max_failed_attempts": 10,
    "max_connections": 10_000,
    "max_pending": 1_000,
    "max_pending_per_address": 100,
    "max_session_calls": 1_024,
    "max_session_entries": 10_000,
    "origins": None,
    "max_uri_length": 1_024,
}
DEFAULTS = {
    field.name: field.default for kind in (ServerOptions, RouterOptions) for field in msgspec.structs.fields(kind)
}
NUMBERS = [name for name, default in DEFAULTS.items() if type(default) in {int, float}]


@pytest.mark.parametrize("name", CHOSEN)
def test_a_default_is_what_was_chosen(name: str) -> None:
    assert DEFAULTS[name] == CHOSEN[name]


@pytest.mark.parametrize("name", NUMBERS, ids=str)
def test_a_limit_is_finite_and_has_a_key_in_the_configuration(name: str) -> None:
    assert 0 < DEFAULTS[name] < math.inf
    assert name in LIMITS


def test_the_limits_that_nobody_can_change_are_what_was_chosen() -> None:
    assert _BEFORE_WELCOME == 64 * 1024
    assert (_PING_INTERVAL["websocket"], DEFAULT_PING_TIMEOUT) == (10, 10)
    assert (_failures.PERIOD, _failures._FIRST_DELAY, _failures._LAST_DELAY, _failures._SIZE) == (60, 1, 60, 10_000)
    assert _values.MAX_DEPTH == 64


def test_a_message_of_the_largest_size_fits_into_an_empty_outbox() -> None:
    assert DEFAULTS["max_message_size"] < DEFAULTS["outbox_limit"]


# ---- what they do


def test_every_limit_has_a_behaviour_that_is_tested(project: Path) -> None:
    """Here, or in the test that is named."""
    assert set(NUMBERS) <= BEHAVIOUR.keys() | OTHER.keys()
    for place in OTHER.values():
        path, _, name = place.partition("::")
        assert f"def {name}(" in (project / path).read_text(encoding="utf-8"), place


def test_everything_that_can_be_made_grow_has_a_limit(project: Path) -> None:
    page = (project / "docs" / "reference" / "options-and-limits.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"^\| `(\w+)`", page, re.MULTILINE))
    for what, names in ISSUE.items():
        assert names, what
        assert set(names) <= BEHAVIOUR.keys() | FIXED.keys(), what
        assert set(names) - FIXED.keys() <= documented, what


@pytest.mark.parametrize("name", BEHAVIOUR)
async def test_a_limit_from_the_configuration_does_what_it_says_and_others_go_on(
    name: str, autojump_clock: MockClock
) -> None:
    settings, behaviour = BEHAVIOUR[name]
    assert name in settings
    async with open_limited(settings) as router, router.open_session(realm="realm1") as witness:
        await behaviour(router)
        assert witness.is_open
        assert await witness.call("wamp.session.count") >= 1


@pytest.mark.parametrize("name", FIXED)
async def test_a_limit_that_is_no_option_does_what_it_says(name: str) -> None:
    async with open_limited({}) as router, router.open_session(realm="realm1") as witness:
        await FIXED[name](router)
        assert await witness.call("wamp.session.count") >= 1
