"""R11: the router does what a model of it does, in memory and over real sockets."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

from tests.faults.goals import SCALE, scaled

from .harness import World
from .model import RouterModel
from .socket_world import SocketWorld

LIVES = settings(
    max_examples=scaled(300),
    stateful_step_count=40,
    deadline=None,
    derandomize=SCALE <= 1,  # the same lives in each run of the suite, new ones in the long form
    suppress_health_check=[HealthCheck.too_slow],
)


class InMemory(RouterModel):
    def open_world(self) -> World:
        return World()


class OverSockets(RouterModel):
    world: SocketWorld

    def open_world(self) -> SocketWorld:
        return SocketWorld()

    def teardown(self) -> None:
        try:
            super().teardown()
        finally:
            self.world.close()


InMemory.TestCase.settings = OverSockets.TestCase.settings = LIVES

TestRouterModel = pytest.mark.checklist(
    "SES-R3", "BW-R1", "PX-R1", "SR-R5", "BP-R5", "BP-R9", "BP-R11", "BP-R12", "PCI-R2", "PCI-R6", "SM-R1"
)(InMemory.TestCase)
TestRouterModelOverSockets = pytest.mark.timeout(300 * SCALE)(OverSockets.TestCase)
