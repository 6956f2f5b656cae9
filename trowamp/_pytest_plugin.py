"""The pytest plugin: fixtures for tests under pytest-trio or anyio's plugin, and `--wamp-router` to run them against a live router."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, TypeVar

import pytest
import trio

if TYPE_CHECKING:
    from ._serve import Router
    from ._session import Session
    from .testing import LiveRouter

T = TypeVar("T")


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

    if not trio.lowlevel.in_trio_run():
        pytest.fail("trowamp's fixtures need Trio: under anyio's plugin let the fixture anyio_backend return 'trio'")
    config = request.config
    opening = open_test_router(config.getoption("--wamp-router"), config.getoption("--wamp-realm"))
    async with _held(opening, request) as router:
        yield router


@pytest.fixture
async def trowamp_session(
    request: pytest.FixtureRequest, trowamp_router: Router | LiveRouter
) -> AsyncGenerator[Session, None]:
    """A session in the realm of the fixtures."""
    opening = trowamp_router.open_session(realm=request.config.getoption("--wamp-realm"))
    async with _held(opening, request) as session:
        yield session


def _held(opening: AbstractAsyncContextManager[T], request: pytest.FixtureRequest) -> AbstractAsyncContextManager[T]:
    """Keep what a fixture opens where a failure of it ends the test, and only the test.

    pytest-trio gives every fixture a task of its own. anyio's plugin runs all in one task, which would end with the first cancelled scope.
    """
    return _in_own_task(opening) if "anyio_backend" in request.fixturenames else opening


@asynccontextmanager
async def _in_own_task(opening: AbstractAsyncContextManager[T]) -> AsyncGenerator[T, None]:
    values: list[T] = []
    failures: list[BaseException] = []
    opened, finish, closed = trio.Event(), trio.Event(), trio.Event()

    async def hold() -> None:
        try:
            async with opening as value:
                values.append(value)
                opened.set()
                await finish.wait()
        except Exception as error:  # noqa: BLE001  # raised again below, in the fixture's task
            failures.append(error)
        finally:
            opened.set()
            closed.set()

    trio.lowlevel.spawn_system_task(hold)
    await opened.wait()
    if values:
        try:
            yield values[0]
        finally:
            finish.set()
            with trio.CancelScope(shield=True):
                await closed.wait()
    if failures:
        raise failures[0]
