"""The plot of a run: what a call costs each client and router, and how they grow."""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from typing import Any

from .results import Results


def write_plot(results: Results, path: Path) -> str:
    """Write a PNG if matplotlib is installed; return a line that tells what happened."""
    if importlib.util.find_spec("matplotlib") is None:
        return "no plot: matplotlib is not installed; pip install 'trowamp[bench]'"
    matplotlib = importlib.import_module("matplotlib")
    matplotlib.use("Agg")
    figure, axes = importlib.import_module("matplotlib.pyplot").subplots(2, 2, figsize=(15, 10))
    clients, many, alone = "Clients with a stub router", "call, 50 in flight", "call, one by one"
    _bars(axes[0][0], results, "client: CPU µs per call, 50 in flight", group=clients, metric=many, figure="cpu_us")
    _bars(axes[0][1], results, "client: calls/s, one by one", group=clients, metric=alone, figure="per_second")
    _bars(axes[1][0], results, "router: CPU µs per operation", group="Routers", metric="", figure="cpu_us")
    _lines(axes[1][1], results)
    figure.suptitle(f"{results.conditions['date']}, load before: {results.conditions['load before the run']}")
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    return f"plot: {path}"


def _bars(axis: Any, results: Results, title: str, *, group: str, metric: str, figure: str) -> None:
    """Draw a bar for each subject, side by side in each setting; without `metric` all of the group but large payloads."""
    bars: dict[str, dict[str, float]] = {}
    for row in results.rows(group):
        if figure in row["figures"] and row["metric"] in (metric or row["metric"]) and " with " not in row["metric"]:
            label = row["setting"] if metric else f"{row['metric']}\n{row['setting']}".replace(", ", ",\n")
            bars.setdefault(row["subject"], {})[label] = row["figures"][figure]
    labels = list(dict.fromkeys(label for values in bars.values() for label in values))
    width = 0.8 / max(1, len(bars))
    for number, (subject, values) in enumerate(bars.items()):
        places = [index + number * width for index, label in enumerate(labels) if label in values]
        axis.bar(places, [values[label] for label in labels if label in values], width, label=subject)
    axis.set_xticks([index + 0.4 for index in range(len(labels))], labels, fontsize=7)
    axis.set_title(title)
    if bars:
        axis.legend(fontsize=7)
    if not metric:
        axis.set_yscale("log")  # a join and an event have little in common


def _lines(axis: Any, results: Results) -> None:
    """Draw operations a second over the size of the crowd."""
    lines: dict[str, list[tuple[int, float]]] = {}
    for row in results.rows("Growth"):
        what, _, crowd = row["metric"].rpartition(" ")
        lines.setdefault(f"{row['subject']}: {what}", []).append((int(crowd), row["figures"]["per_second"]))
    for label, points in lines.items():
        axis.plot([x for x, _ in points], [y for _, y in points], marker="o", label=label)
    axis.set_title("router: operations a second, by sessions or subscribers")
    if lines:
        axis.set_xscale("log")
        axis.set_yscale("log")
        axis.legend(fontsize=7)
