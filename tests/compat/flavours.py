"""Which scenarios run where: on Trio, on every loop and reactor of the kit, over both framings."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

import pytest

from tests.compat.driver import tell
from tests.compat.kit import RUNNERS
from tests.driver import Place, Scenario
from tests.line import Line
from tests.proofs import PROOFS
from tests.scenarios import PAYLOADS
from tests.trio_driver import run_on_trio

FLAVOURS: dict[str, Callable[[Scenario, Place], None]] = {
    "trio": run_on_trio,
    **{name: partial(run, tell) for name, run in RUNNERS.items()},
}
FRAMINGS = ("ws", "rs")
SERIALIZERS = ("json", "msgpack", "cbor")


class Addresses(NamedTuple):
    """A router.

    Attributes:
        url: Gives the address for everybody, for a framing.
        auth_url: The same, where one has to prove who one is.
        lines: The same, by a way that can be cut.
        denied: The reason for which it refuses a wrong proof.
    """

    url: Callable[[str], str]
    auth_url: Callable[[str], str]
    lines: Mapping[str, Line]
    denied: str

    def place(self, flavour: str, framing: str, serializer: str) -> Place:
        """Return the place of one scenario."""
        line = self.lines[framing]
        name = f"{flavour}.{framing}.{serializer}"
        return Place(self.url(framing), self.auth_url(framing), line.url, serializer, name, line.cut, self.denied)


@contextmanager
def addresses(url: Callable[[str], str], auth_url: Callable[[str], str], denied: str) -> Iterator[Addresses]:
    """Lay the lines to a router."""
    lines = {framing: Line(url(framing)) for framing in FRAMINGS}
    try:
        yield Addresses(url, auth_url, lines, denied)
    finally:
        for line in lines.values():
            line.close()


def cases(scenarios: Mapping[Scenario, Sequence[str]]) -> list[Any]:
    """Combine scenarios, flavours and ways. What is shown about Autobahn's API is not shown on Trio."""
    return [
        pytest.param(
            scenario,
            flavour,
            *way,
            id=f"{scenario.__name__}-{flavour}-{'-'.join(way)}",
            marks=[pytest.mark.autobahn(*ids)] if ids and flavour != "trio" else [],
        )
        for scenario, ids in scenarios.items()
        for flavour in FLAVOURS
        for way in ways(scenario, flavour)
    ]


def ways(scenario: Scenario, flavour: str) -> list[tuple[str, str]]:
    """Return the framings and serializers of a scenario: all serializers where they make a difference, and on Trio, where no other suite has them."""
    if scenario in PAYLOADS or (flavour == "trio" and scenario not in PROOFS):
        return list(itertools.product(FRAMINGS, SERIALIZERS))
    turn = list(FLAVOURS).index(flavour)
    return [(framing, SERIALIZERS[(turn + number) % 3]) for number, framing in enumerate(FRAMINGS)]
