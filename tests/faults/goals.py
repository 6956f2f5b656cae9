"""What reliability is measured by: each goal with its bound and the figure that was reached.

A goal is a line of the summary and an entry of `tests/results/reliability.json` (or of the file that TROWAMP_RESULTS names), which keeps the last
figure of each. TROWAMP_SCALE says how much longer than usual the tests are to run.
"""

from __future__ import annotations

import json
import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal

import msgspec

SCALE: Final = float(os.environ.get("TROWAMP_SCALE", "1"))
_RESULTS: Final = Path(os.environ.get("TROWAMP_RESULTS", Path(__file__).parent.parent / "results" / "reliability.json"))

Relation = Literal["<=", ">=", "=="]


class Goal(msgspec.Struct, frozen=True):
    """One line: what was measured, against which bound; `measured` is None where the machine does not allow the test."""

    test: str
    what: str
    measured: float | None
    relation: Relation
    bound: float
    unit: str
    scale: float
    when: str
    skipped: str = ""

    @property
    def is_met(self) -> bool:
        """Whether the figure is within its bound."""
        if self.measured is None:
            return True
        if self.relation == "==":
            return self.measured == self.bound
        return self.measured <= self.bound if self.relation == "<=" else self.measured >= self.bound

    def __str__(self) -> str:
        figure = f"SKIPPED: {self.skipped}" if self.measured is None else f"{self.measured:g} {self.unit}".rstrip()
        verdict = "" if self.is_met else "   MISSED"
        return f"{self.test:<4} {self.what}: {figure} ({self.relation} {self.bound:g}){verdict}"


goals: Final[list[Goal]] = []


def check(test: str, what: str, measured: float, relation: Relation, bound: float, *, unit: str = "") -> None:
    """Record a figure and assert that it is within its bound.

    Args:
        test: Which test of the plan: "R5".
        what: What was measured, in words.
        measured: The figure.
        relation: How it has to compare with the bound.
        bound: The bound.
        unit: Of both.
    """
    goal = Goal(test, what, round(measured, 4), relation, bound, unit, SCALE, _now())
    goals.append(goal)
    assert goal.is_met, str(goal)


def skipped(test: str, what: str, relation: Relation, bound: float, reason: str) -> None:
    """Record that this machine cannot tell."""
    goals.append(Goal(test, what, None, relation, bound, "", SCALE, _now(), reason))


def scaled(count: int) -> int:
    """Return how often something is to be done, when a test without scale does it `count` times."""
    return max(1, round(count * SCALE))


def seed_of(name: str, in_the_suite: int = 0) -> int:
    """Return the seed of a random test and print it: TROWAMP_SEED repeats a run.

    Args:
        name: What the test is called.
        in_the_suite: The seed of each run that is no longer than the suite's; 0 for another one each time.
    """
    usual = in_the_suite if SCALE <= 1 else 0
    seed = int(os.environ.get("TROWAMP_SEED", "0")) or usual or int.from_bytes(os.urandom(4), "big")
    print(f"{name}: TROWAMP_SEED={seed} repeats this")  # noqa: T201  # for whoever has to repeat a failure
    return seed


def summary() -> list[str]:
    """Return the lines of all goals of this run, in the order of the plan."""
    return [str(goal) for goal in sorted(goals, key=lambda goal: (int(goal.test.strip("R")), goal.what))]


def store(path: Path = _RESULTS) -> None:
    """Keep the figures of this run, together with those of earlier runs that this one did not measure."""
    known = {}
    if path.exists():
        known = {_key(goal): goal for goal in json.loads(path.read_text(encoding="utf-8"))["goals"]}
    for goal in goals:
        known[goal.test, goal.what, goal.scale] = msgspec.to_builtins(goal)
    path.parent.mkdir(parents=True, exist_ok=True)
    machine = (
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors, Python {platform.python_version()}"
    )
    path.write_text(json.dumps({"machine": machine, "goals": list(known.values())}, indent=1), encoding="utf-8")


def _key(goal: dict[str, object]) -> tuple[object, ...]:
    return goal["test"], goal["what"], goal["scale"]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
