"""The figures of a run: samples of rounds, their medians, and ratios to the first subject."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

_HEADINGS = {
    "per_second": "per second",
    "cpu_us": "CPU µs",
    "mib_per_second": "MiB/s",
    "p50_us": "p50 µs",
    "p99_us": "p99 µs",
    "kib": "KiB",
    "ns": "ns",
    "instructions": "instructions",
}
_MORE_IS_BETTER = {"per_second", "mib_per_second"}
_INSTEAD = {"publish_nowait": "publish", "publish": "publish_nowait"}  # not every library has both


class Place(NamedTuple):
    """Where figures belong: what is compared, how it is connected, what is measured."""

    group: str
    setting: str
    metric: str


Samples = dict[str, list[dict[str, float]]]  # by subject, one of each round


@dataclass
class Results:
    """What a run found.

    Attributes:
        conditions: Machine, versions, date, load.
        samples: The figures of all rounds.
        skipped: What could not be measured, and why.
    """

    conditions: dict[str, str]
    samples: dict[Place, Samples] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)

    def add(self, group: str, setting: str, subject: str, rows: Iterable[dict[str, Any]]) -> None:
        """Add what a program reported."""
        for row in rows:
            place = Place(group, setting, row["metric"])
            figures = {name: value for name, value in row.items() if name != "metric"}
            self.samples.setdefault(place, {}).setdefault(subject, []).append(figures)

    def groups(self) -> list[str]:
        """Return the names of the groups, in order."""
        return list(dict.fromkeys(place.group for place in self.samples))

    def rows(self, group: str) -> Iterator[dict[str, Any]]:
        """Yield medians and ratios: one row for each place and subject."""
        for place, samples in self.samples.items():
            if place.group == group:
                first = next(iter(samples))
                for subject in self._subjects(place):
                    row = {"setting": place.setting, "metric": place.metric, "subject": subject}
                    theirs = self._samples_of(place, subject)
                    ratios = {} if subject == first else _ratios(samples[first], theirs)
                    yield {**row, "figures": _medians(theirs), "ratios": ratios}

    def _subjects(self, place: Place) -> list[str]:
        """Return who has figures here, or in the metric that stands for this one."""
        instead = self.samples.get(place._replace(metric=_INSTEAD.get(place.metric, "")), {})
        return list(dict.fromkeys([*self.samples[place], *instead]))

    def _samples_of(self, place: Place, subject: str) -> list[dict[str, float]]:
        here = self.samples[place]
        return (
            here[subject] if subject in here else self.samples[place._replace(metric=_INSTEAD[place.metric])][subject]
        )

    def write_json(self, path: Path) -> None:
        """Write everything, for programs."""
        groups = {group: list(self.rows(group)) for group in self.groups()}
        rounds = [{**place._asdict(), "rounds": samples} for place, samples in self.samples.items()]
        content = {"conditions": self.conditions, "groups": groups, "samples": rounds, "skipped": self.skipped}
        path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")

    def write_markdown(self, path: Path) -> None:
        """Write the table, for people."""
        lines = ["# Results", "", *[f"* {name}: {value}" for name, value in self.conditions.items()], ""]
        lines += [
            "Medians of the rounds. In parentheses: how many times better the first subject of a row's kind is, the median of the rounds' ratios;",
            "above 1 it wins. Rows in brackets are floors, not competitors.",
            "",
        ]
        for group in self.groups():
            lines += self._table(group)
        if self.skipped:
            lines += ["## Not measured", "", *[f"* {what}: {why}" for what, why in self.skipped.items()], ""]
        path.write_text("\n".join(lines), encoding="utf-8")

    def _table(self, group: str) -> list[str]:
        rows = list(self.rows(group))
        names = [name for name in _HEADINGS if any(name in row["figures"] for row in rows)]
        head = ["", "what", "who", *[_HEADINGS[name] for name in names]]
        lines = [f"## {group}", "", f"| {' | '.join(head)} |", "|---|---|---|" + "---:|" * len(names)]
        for row in rows:
            cells = [row["setting"], row["metric"], row["subject"], *[_cell(row, name) for name in names]]
            lines.append(f"| {' | '.join(cells)} |")
        return [*lines, ""]


def _medians(samples: list[dict[str, float]]) -> dict[str, float]:
    return {name: statistics.median(sample[name] for sample in samples) for name in samples[0]}


def _ratios(first: list[dict[str, float]], theirs: list[dict[str, float]]) -> dict[str, float]:
    """Return how many times better the first is, round by round, and the median of that."""
    ratios: dict[str, list[float]] = {}
    for ours, other in zip(first, theirs, strict=False):  # a round may have failed
        for name in ours.keys() & other.keys():
            over, under = (ours[name], other[name]) if name in _MORE_IS_BETTER else (other[name], ours[name])
            if under > 0:
                ratios.setdefault(name, []).append(over / under)
    return {name: statistics.median(values) for name, values in ratios.items()}


def _cell(row: dict[str, Any], name: str) -> str:
    value = row["figures"].get(name)
    if value is None:
        return ""
    number = f"{value:,.0f}".replace(",", " ") if value >= 1000 else f"{value:.3g}"
    ratio = row["ratios"].get(name)
    return number if ratio is None else f"{number} (x{ratio:.2f})"
