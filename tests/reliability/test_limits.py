"""Every limit has a finite default, and a key in the configuration file; those that were chosen with care are what was chosen."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest

from trowamp import RouterOptions
from trowamp._open import _PING_INTERVAL, DEFAULT_PING_TIMEOUT
from trowamp._router_connection import _BEFORE_WELCOME
from trowamp._serve import ServerOptions
from trowamp.cli._config import LIMITS
from trowamp.router import _failures
from trowamp.wire import _values

MIB = 2**20
CHOSEN: dict[str, Any] = {
    "max_message_size": MIB,
    "outbox_limit": 8 * MIB,
    "handshake_timeout": 15,
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


@pytest.mark.parametrize("name", CHOSEN)
def test_a_default_is_what_was_chosen(name: str) -> None:
    assert DEFAULTS[name] == CHOSEN[name]


@pytest.mark.parametrize("name", [name for name, default in DEFAULTS.items() if type(default) in {int, float}], ids=str)
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
