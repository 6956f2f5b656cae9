"""The benchmarks run and have figures. How fast anything is, is not tested here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.__main__ import _run_all
from benchmarks.awake import processors_kept_awake
from benchmarks.jobs import CLIENTS, FULL, GROUPS, ROUTERS, Job, open_bench
from benchmarks.processes import ProgramFailed, measure
from benchmarks.programs.codecs import MSGPACK
from benchmarks.programs.packed import Packed, pack, packed, unpack
from benchmarks.results import Results

LONG_ENOUGH = 55.0
CLIENT_METRICS = {
    "call, one by one",
    "call, 50 in flight",
    "publish",
    "publish_nowait",
    "event received",
    "invocation served",
}


def run(project: Path, results: Path, *groups: str, subjects: str = "trowamp") -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks", "--quick", "-n", "50", "--groups", ",".join(groups)]
    done = subprocess.run(
        [*command, "--subjects", subjects, "--results", str(results)],
        cwd=project,
        capture_output=True,
        text=True,
        timeout=LONG_ENOUGH,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    content: dict[str, Any] = json.loads((results / "results.json").read_text(encoding="utf-8"))
    assert content["skipped"] == {}, done.stderr
    return content


@pytest.mark.parametrize("payload", ["short", "l" * 10_000])
def test_a_load_passes_payloads_on_as_they_are(payload: str) -> None:
    message = unpack(pack([48, 1, {}, "com.example.echo", [payload]]))
    assert isinstance(message[4], Packed) == (len(payload) > 10)
    answer = MSGPACK.decode(pack([70, 1, {}, message[4]]))
    assert answer == [70, 1, {}, [payload]]
    assert packed([payload]) == MSGPACK.encode([payload])


class Failing:
    """A bench with one job, which fails.

    Args:
        rows: What it measures before.
    """

    def __init__(self, *rows: dict[str, Any]) -> None:
        self.rows = rows
        self.runs = 0

    def jobs(self, groups: list[str]) -> list[Job]:
        return [Job(groups[0], "a setting", "somebody", self.run)]

    def run(self) -> list[dict[str, Any]]:
        self.runs += 1
        raise ProgramFailed("no end within 90 s", self.rows)


def test_what_has_failed_is_told_and_not_run_again() -> None:
    bench, results = Failing(), Results({})
    _run_all(bench, ["clients"], 3, results)  # type: ignore[arg-type]
    assert (bench.runs, results.skipped) == (1, {"clients: a setting somebody": "no end within 90 s"})


def test_no_two_jobs_of_a_round_are_taken_for_each_other() -> None:
    with open_bench(FULL, [*CLIENTS, *ROUTERS]) as bench:
        titles = [job.title for job in bench.jobs([*GROUPS])]
    assert len(titles) > 100
    assert len(set(titles)) == len(titles)


def test_what_was_measured_before_a_failure_counts() -> None:
    results = Results({})
    _run_all(Failing({"metric": "a call", "cpu_us": 2.0}), ["clients"], 3, results)  # type: ignore[arg-type]
    (row,) = results.rows("clients")
    assert (row["subject"], row["figures"]) == ("somebody", {"cpu_us": 2.0})
    assert results.skipped == {"clients: a setting somebody": "no end within 90 s, after 1 of its figures"}


def test_a_program_that_does_not_end_has_reported_what_it_did() -> None:
    program = 'import time; print(\'{"metric": "a call"}\', flush=True); time.sleep(60)'
    with pytest.raises(ProgramFailed, match="no end within 2 s") as caught:
        measure([sys.executable, "-c", program], timeout=2)
    assert caught.value.rows == [{"metric": "a call"}]


@pytest.mark.skipif(sys.platform != "linux", reason="the benchmarks read /proc")
def test_clients_and_matching_have_figures(project: Path, tmp_path: Path) -> None:
    content = run(project, tmp_path, "clients", "match")
    rows = content["groups"]["Clients with a stub router"]
    assert {row["metric"] for row in rows if row["subject"] == "trowamp"} == CLIENT_METRICS
    assert {row["setting"] for row in rows} == {"rs msgpack", "ws json"}
    assert {row["subject"] for row in rows} == {"trowamp", "[bare socket]", "[codecs alone]"}
    assert all(row["figures"]["per_second"] > 0 for row in rows)
    assert {row["metric"] for row in content["groups"]["Match of a URI"]} >= {"match among 10, exact"}
    assert "| rs msgpack | call, one by one | trowamp |" in (tmp_path / "results.md").read_text(encoding="utf-8")


@pytest.mark.skipif(sys.platform != "linux", reason="the benchmarks read /proc")
def test_routers_and_latency_have_figures(project: Path, tmp_path: Path) -> None:
    content = run(project, tmp_path, "latency", "routers")
    rows = content["groups"]["Routers"]
    assert {"call, 50 in flight", "join", "event delivered, fan-out to 50", "call with 1 MiB, bytes"} <= {
        row["metric"] for row in rows
    }
    (latency, *_) = content["groups"]["Latency: caller, router and callee in three processes"]
    assert 0 < latency["figures"]["p50_us"] <= latency["figures"]["p99_us"]


def test_processors_are_kept_awake_by_processes_that_give_way_and_end_with_the_block() -> None:
    with processors_kept_awake() as pids:
        policies = {os.sched_getscheduler(pid) for pid in pids}
        processors = sorted(tuple(os.sched_getaffinity(pid)) for pid in pids)
    assert policies == {os.SCHED_IDLE}
    assert processors == [(each,) for each in sorted(os.sched_getaffinity(0))]
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
