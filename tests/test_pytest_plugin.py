"""trowamp/_pytest_plugin.py: the fixtures under pytest-trio and under anyio's plugin, each alone, in runs of pytest of their own."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Coroutine
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
import trio

from trowamp import open_router

PLUGINS = {"pytest-trio": "pytest_trio.plugin", "anyio": "anyio.pytest_plugin"}

HEAD = {
    "pytest-trio": """
import pytest
import trio
import trowamp

pytestmark = pytest.mark.trio
""",
    "anyio": """
import pytest
import trio
import trowamp

pytestmark = pytest.mark.anyio

@pytest.fixture
def anyio_backend():
    return "trio"
""",
}

TESTS = """
async def test_one_session_calls_another(trowamp_router, trowamp_session):
    async with trowamp_router.open_session(realm=trowamp_session.realm) as other:
        await other.register("com.example.add2", lambda x, y: x + y)
        assert await trowamp_session.call("com.example.add2", 2, 3) == 5

async def test_each_test_has_a_router_of_its_own(trowamp_session):
    await trowamp_session.register("com.example.add2", lambda x, y: x + y)

async def test_events_arrive(trowamp_session):
    async with trowamp_session.open_subscription("com.example.tick") as events:
        await trowamp_session.with_options(exclude_me=False).publish("com.example.tick", 1)
        async for event in events:
            assert event.args == (1,)
            break

async def test_a_component_is_tested_without_its_own_router(trowamp_router, trowamp_session):
    app = trowamp.Component("ws://nowhere.example.com/", realm=trowamp_session.realm)
    app.register("com.example.twice")(lambda x: 2 * x)
    from trowamp.testing import open_component
    async with open_component(app, trowamp_router):
        assert await trowamp_session.call("com.example.twice", 21) == 42
"""

RunTests = Callable[..., Coroutine[Any, Any, tuple[int, str]]]


@pytest.fixture
def run_tests(tmp_path: Path, project: Path) -> RunTests:
    """Return what runs a file of tests in a process of its own, with the named plugin only."""

    async def run(plugin: str, tests: str, *arguments: str) -> tuple[int, str]:
        await trio.Path(tmp_path / "test_it.py").write_text(HEAD[plugin] + tests)
        await trio.Path(tmp_path / "pytest.ini").write_text("[pytest]\n")
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-W", "error"]
        command += ["-p", "trowamp._pytest_plugin", "-p", PLUGINS[plugin], *arguments, "test_it.py"]
        environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
        ran = await trio.run_process(command, cwd=tmp_path, capture_stdout=True, check=False, env=environment)
        return ran.returncode, ran.stdout.decode()

    return run


@pytest.mark.parametrize("plugin", PLUGINS)
async def test_the_fixtures_work_in_memory(run_tests: RunTests, plugin: str) -> None:
    code, output = await run_tests(plugin, TESTS)
    assert code == 0, output
    assert "4 passed" in output


@pytest.mark.parametrize("plugin", PLUGINS)
async def test_the_same_tests_run_against_a_live_router(run_tests: RunTests, plugin: str) -> None:
    async with open_router(["realm7"], ["ws://127.0.0.1:0/ws"]) as router:
        arguments = [f"--wamp-router={router.urls[0]}", "--wamp-realm=realm7"]
        code, output = await run_tests(plugin, TESTS, *arguments)
        assert code == 0, output
        assert "4 passed" in output
        assert router.statistics().sessions == 0


@pytest.mark.parametrize("plugin", PLUGINS)
async def test_a_live_router_that_is_not_there_is_an_error(run_tests: RunTests, tmp_path: Path, plugin: str) -> None:
    code, output = await run_tests(plugin, TESTS, f"--wamp-router=rs+unix://{tmp_path}/nobody")
    assert code == 1
    assert "ConnectError: cannot connect to rs+unix://" in output


@pytest.mark.parametrize("plugin", PLUGINS)
async def test_a_session_that_is_lost_fails_the_test(run_tests: RunTests, plugin: str) -> None:
    tests = """
async def test_the_session_is_lost(trowamp_session):
    trowamp_session._shell.pump.transport.abort()
    await trowamp_session.call("com.example.add2")
"""
    code, output = await run_tests(plugin, tests)
    assert code == 1
    assert "SessionLost" in output


async def test_another_event_loop_is_told_in_words(run_tests: RunTests) -> None:
    tests = TESTS + "\n@pytest.fixture\ndef anyio_backend():\n    return 'asyncio'\n"
    code, output = await run_tests("anyio", tests)
    assert code == 1
    assert "trowamp's fixtures need Trio" in output


async def test_the_options_are_explained(run_tests: RunTests) -> None:
    _, output = await run_tests("pytest-trio", TESTS, "--help")
    assert "--wamp-router=URL" in output
    assert "--wamp-realm=REALM" in output


def test_an_installation_makes_the_plugin_known_once(pytestconfig: pytest.Config) -> None:
    declared = [entry.value for entry in entry_points(group="pytest11") if entry.value.startswith("trowamp")]
    loaded = [name for name, plugin in pytestconfig.pluginmanager.list_name_plugin() if _is_ours(plugin)]
    assert declared in ([], ["trowamp._pytest_plugin"])
    assert len(loaded) == len(declared)


def _is_ours(plugin: object) -> bool:
    return getattr(plugin, "__name__", None) == "trowamp._pytest_plugin"
