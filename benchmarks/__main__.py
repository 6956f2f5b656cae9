"""Run the benchmarks: `make bench`, or `python -m benchmarks --help`."""

from __future__ import annotations

import argparse
import dataclasses
import datetime as dt
import importlib.metadata
import os
import platform
import sys
from pathlib import Path

from .awake import processors_kept_awake
from .jobs import CLIENTS, FULL, GROUPS, QUICK, ROUTERS, Bench, Job, open_bench
from .plot import write_plot
from .processes import ProgramFailed
from .results import Results

_HERE = Path(__file__).resolve().parent
_SUBJECTS = list(dict.fromkeys([*CLIENTS, *ROUTERS]))
_PACKAGES = ("trowamp", "trio", "msgspec", "msgpack", "cbor2", "websockets")
_QUIET = 0.3  # the load average of the last minute, per processor, below which a machine counts as quiet


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure trowamp beside its peers.")
    parser.add_argument("--quick", action="store_true", help="one round, two transports, small numbers: a few minutes")
    parser.add_argument("--rounds", type=int, help="how often everything is measured; default 3, with --quick 1")
    parser.add_argument("--groups", default=",".join(GROUPS), help="which tables; default: %(default)s")
    parser.add_argument("--subjects", default=",".join(_SUBJECTS), help="who; default: %(default)s")
    parser.add_argument("-n", type=int, help="how many operations; default 5000, with --quick 1000")
    parser.add_argument("--results", type=Path, default=_HERE / "results", help="the folder for what is written")
    options = parser.parse_args(arguments)
    options.groups, options.subjects = options.groups.split(","), options.subjects.split(",")
    unknown = {*options.groups, *options.subjects} - {*GROUPS, *_SUBJECTS}
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    return options


def _conditions(rounds: int) -> dict[str, str]:
    """Return what figures depend on."""
    load, processors = os.getloadavg()[0], os.cpu_count() or 1
    is_quiet = load / processors < _QUIET
    return {
        "date": dt.datetime.now(dt.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "machine": f"{_processor()}, {processors} processors, {platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "versions": ", ".join(f"{name} {_version(name)}" for name in _PACKAGES),
        "rounds": str(rounds),
        "processors": "kept from being halted; clients share one with the stub router",
        "load before the run": f"{load:.2f}: "
        + ("a quiet machine" if is_quiet else "MEASURED UNDER LOAD of other programs"),
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "(not installed)"


def _run(job: Job, results: Results) -> None:
    """Run a job; what cannot be measured is said, what was measured before it is kept, and the rest goes on."""
    if job.title in results.skipped:
        return  # it has failed before, and would take its time again
    _say(job.title)
    try:
        results.add(job.group, job.setting, job.subject, job.run())
    except ProgramFailed as error:
        results.add(job.group, job.setting, job.subject, error.rows)
        results.skipped[job.title] = f"{error}, after {len(error.rows)} of its figures" if error.rows else str(error)
        _say(f"  not measured: {results.skipped[job.title]}")


def _run_all(bench: Bench, groups: list[str], rounds: int, results: Results) -> None:
    for number in range(rounds):
        _say(f"round {number + 1} of {rounds}")
        for job in bench.jobs(groups):
            if number == 0 or not job.is_steady:
                _run(job, results)


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")


def main(arguments: list[str]) -> int:
    """Measure and write; the exit code is 1 if nothing came out."""
    options = _parse(arguments)
    extent, rounds = (QUICK, 1) if options.quick else (FULL, 3)
    rounds = options.rounds or rounds
    if options.n:
        extent = dataclasses.replace(extent, n=options.n)
    results = Results(_conditions(rounds))
    with processors_kept_awake(), open_bench(extent, options.subjects) as bench:
        _run_all(bench, options.groups, rounds, results)
    results.conditions["load after the run"] = f"{os.getloadavg()[0]:.2f} (with the run's own)"
    options.results.mkdir(parents=True, exist_ok=True)
    results.write_json(options.results / "results.json")
    results.write_markdown(options.results / "results.md")
    _say(write_plot(results, options.results / "results.png"))
    _say(f"written: {options.results}")
    return 0 if results.samples else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
