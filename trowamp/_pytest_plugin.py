"""The pytest plugin: fixtures for tests under pytest-trio or anyio's plugin, and `--wamp-router` to run them against a live router."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from ._serve import Router
    from ._session import Session
    from .testing import LiveRouter


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("trowamp")
    group.addoption("--wamp-router", metavar="URL", help="run tests against this router instead of one in memory")
    group.addoption(
        "--wamp-realm", metavar="REALM", default="realm1", help="the realm of the fixtures (default: realm1)"
    )


@pytest.fixture
async def trowamp_router(request: pytest.FixtureRequest) -> AsyncGenerator[Router | LiveRouter, None]:
    """A router with one realm, in memory: `router.open_session(realm=...)`. With `--wamp-router=URL`, that router."""
    from .testing import open_test_router  # noqa: PLC0415  # the plugin is loaded in every run of pytest: keep it cheap

    config = request.config
    async with open_test_router(config.getoption("--wamp-router"), config.getoption("--wamp-realm")) as router:
        yield router


@pytest.fixture
async def trowamp_session(
    request: pytest.FixtureRequest, trowamp_router: Router | LiveRouter
) -> AsyncGenerator[Session, None]:
    """A session in the realm of the fixtures."""
    async with trowamp_router.open_session(realm=request.config.getoption("--wamp-realm")) as session:
        yield session
