"""Every scenario on every event loop, over both framings, against a real Crossbar.io: the same text as against `trowamp router`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.compat.flavours import FLAVOURS, Addresses, addresses, cases
from tests.driver import Scenario
from tests.proofs import PROOFS
from tests.scenarios import SCENARIOS

from .crossbar_node import CrossbarNode


@pytest.fixture(scope="module")
def router(crossbar: CrossbarNode) -> Iterator[Addresses]:
    with addresses(crossbar.url, crossbar.auth_url, "wamp.error.not_authorized") as found:
        yield found


@pytest.mark.parametrize(("scenario", "flavour", "framing", "serializer"), cases(SCENARIOS))
def test_what_a_scenario_tells_is_so(
    router: Addresses, scenario: Scenario, flavour: str, framing: str, serializer: str
) -> None:
    assert FLAVOURS[flavour](scenario, router.place(flavour, framing, serializer)) is None


@pytest.mark.differs("E2")
@pytest.mark.parametrize(("scenario", "flavour", "framing", "serializer"), cases(dict.fromkeys(PROOFS, ())))
def test_who_one_is_can_be_proved(
    router: Addresses, scenario: Scenario, flavour: str, framing: str, serializer: str
) -> None:
    assert FLAVOURS[flavour](scenario, router.place(flavour, framing, serializer)) is None
