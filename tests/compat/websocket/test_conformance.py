"""The cases of the Autobahn Testsuite, run by `kosoku`: servers and clients of both frameworks, against a table of exact verdicts."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

kosoku = pytest.importorskip("kosoku")

# The suite leaves files of its own open.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

HERE = Path(__file__).parent
TESTEE = HERE / "testee.py"
COMPRESSION = ["12.*", "13.*"]
SAMPLE = [f"{group}.{case}" for group in ("12.1", "12.2", "13.1", "13.3", "13.4", "13.7") for case in (1, 4)]
FRAMEWORKS = ["asyncio", "twisted"]
AT_ONCE = 6  # cases
AT_ONCE_WHEN_LARGE = 2  # each case has a minute, and those of 128 KiB would keep the others waiting


def expected_verdicts() -> dict[str, tuple[str, str]]:
    lines = (HERE / "verdicts.txt").read_text(encoding="utf-8").splitlines()
    return {case: (behavior, close) for case, behavior, close in (line.split() for line in lines)}


def verdicts(results: list[Any]) -> dict[str, tuple[str, str]]:
    return {result.case_id: (result.behavior.value, result.behavior_close.value) for result in results}


async def of_server(
    framework: str, cases: list[str] | None, without: list[str] | None, at_once: int = AT_ONCE
) -> list[Any]:
    testee = await asyncio.create_subprocess_exec(
        sys.executable, TESTEE, framework, "server", stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert testee.stdin is not None
    assert testee.stdout is not None
    port = int(await testee.stdout.readline())
    try:
        return list(await kosoku.run_fuzzingclient(f"ws://127.0.0.1:{port}", cases, without, concurrency=at_once))
    except kosoku.FailureError as error:
        return list(error.results)
    finally:
        testee.stdin.close()
        assert await testee.wait() == 0


async def of_client(
    framework: str, cases: list[str] | None, without: list[str] | None, at_once: int = AT_ONCE
) -> list[Any]:
    async with kosoku.run_fuzzingserver(cases, without, host="127.0.0.1", port=0) as server:
        arguments = [framework, "client", str(server.port), str(at_once)]
        testee = await asyncio.create_subprocess_exec(sys.executable, TESTEE, *arguments)
        try:
            results = list(await server.get_result())
        except kosoku.FailureError as error:
            results = list(error.results)
        assert await testee.wait() == 0
        return results


ROLES = {"server": of_server, "client": of_client}


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("role", ROLES)
def test_all_cases_have_the_verdicts_of_the_table(framework: str, role: str) -> None:
    found = verdicts(asyncio.run(ROLES[role](framework, None, COMPRESSION)))
    expected = {case: verdict for case, verdict in expected_verdicts().items() if not case.startswith(("12.", "13."))}
    assert Counter(expected.values()) == {("OK", "OK"): 298, ("INFORMATIONAL", "INFORMATIONAL"): 3}
    assert found == expected


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("role", ROLES)
def test_compressed_messages_go_both_ways(framework: str, role: str) -> None:
    found = verdicts(asyncio.run(ROLES[role](framework, SAMPLE, None)))
    assert set(SAMPLE) <= set(found)
    assert set(found.values()) == {("OK", "OK")}


@pytest.mark.skipif("TROWAMP_LONG" not in os.environ, reason="takes minutes; set TROWAMP_LONG=1")
@pytest.mark.timeout(900)
@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("role", ROLES)
def test_all_cases_of_compression_have_the_verdicts_of_the_table(framework: str, role: str) -> None:
    found = verdicts(asyncio.run(ROLES[role](framework, COMPRESSION, None, AT_ONCE_WHEN_LARGE)))
    expected = {case: verdict for case, verdict in expected_verdicts().items() if case.startswith(("12.", "13."))}
    assert len(expected) == 216
    assert found == expected
