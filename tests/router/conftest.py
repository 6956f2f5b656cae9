"""Fixtures of the router's tests."""

from __future__ import annotations

import pytest

from .harness import Client, World


@pytest.fixture
def world() -> World:
    """Return a router with one realm and default options."""
    return World()


@pytest.fixture
def caller(world: World) -> Client:
    """Return an established session."""
    return world.join()


@pytest.fixture
def callee(world: World) -> Client:
    """Return another established session."""
    return world.join()
