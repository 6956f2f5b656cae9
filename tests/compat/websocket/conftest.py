"""A world of each framework."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .pairs import FRAMEWORKS, World, a_world


@pytest.fixture(params=FRAMEWORKS)
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    with a_world(request.param) as opened:
        yield opened
