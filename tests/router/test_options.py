"""trowamp/router/_options.py: what a router cannot be told."""

from __future__ import annotations

from typing import Any

import pytest

from trowamp.router import RouterOptions


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"disclosure": "nevr"}, "disclosure must be one of on_request, never, always, not 'nevr'"),
        ({"slow_consumer": "drop"}, "slow_consumer must be one of drop_connection, drop_events, not 'drop'"),
        ({"outbox_limit": -1}, "outbox_limit must be more than 0, not -1"),
        ({"goodbye_timeout": float("nan")}, "goodbye_timeout must be more than 0, not nan"),
        ({"max_session_calls": 0}, "max_session_calls must be more than 0, not 0"),
        ({"trust_levels": {"cook": -1}}, r"trust_levels\['cook'\] must be an integer of 0 or more, not -1"),
        ({"trust_levels": {"cook": True}}, r"trust_levels\['cook'\] must be an integer of 0 or more, not True"),
    ],
)
def test_what_cannot_be_meant_is_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=f"^{words}$"):
        RouterOptions(**options)


def test_switches_may_be_off() -> None:
    assert RouterOptions(strict_uris=False, auto_realms=False).strict_uris is False
