"""R11: the router does what a model of it does, in memory and over real sockets."""

from __future__ import annotations

from collections import Counter
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.faults.goals import SCALE, check, scaled

from .harness import World
from .model import RouterModel
from .socket_world import SocketWorld

LIVES = settings(
    max_examples=scaled(300),
    stateful_step_count=40,
    deadline=None,
    derandomize=SCALE <= 1,  # as long as no code changes, the same lives in each run; new ones in the long form
    suppress_health_check=[HealthCheck.too_slow],
)
# What 300 lives reach at least; it is a multiple in most, but which lives those are follows from all code that is loaded.
RARE = {
    "invocations": 100,
    "cancellations": 40,
    "calls of sessions that ended": 8,
    "of those, with an interrupted callee": 1,
}


class InMemory(RouterModel):
    reached: ClassVar[Counter[str]] = Counter()

    def open_world(self) -> World:
        return World()


class OverSockets(RouterModel):
    reached: ClassVar[Counter[str]] = Counter()
    world: SocketWorld

    def open_world(self) -> SocketWorld:
        return SocketWorld()

    def teardown(self) -> None:
        try:
            super().teardown()
        finally:
            self.world.close()


@pytest.mark.checklist(
    "SES-R3", "BW-R1", "PX-R1", "SR-R5", "BP-R5", "BP-R9", "BP-R11", "BP-R12", "PCI-R2", "PCI-R6", "SM-R1"
)
@pytest.mark.timeout(300 * SCALE)
@pytest.mark.parametrize(("where", "model"), [("in memory", InMemory), ("over sockets", OverSockets)])
def test_random_lives_end_as_the_model_says_and_come_as_far_as_to_what_is_rare(
    where: str, model: type[RouterModel]
) -> None:
    model.reached.clear()
    run_state_machine_as_test(model, settings=LIVES)
    for what, at_least in RARE.items():
        check("R11", f"{what} in random lives {where}", model.reached[what], ">=", scaled(at_least))
