"""Plots of simulations. The same runs give the same bytes with the same version of matplotlib.

Matplotlib is an extra of Zoe's and imported when something is to be drawn.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..model.errors import InvalidRequest
from .measures import Series, Spread, series
from .runs import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = ("svg", "png")
FIGURES = {
    "turnaround": "Turnaround (seconds)",
    "queueing": "Queueing (seconds)",
    "slowdown": "Slowdown (turnaround / T)",
}
_SETTINGS: Any = {"svg.hashsalt": "zoe", "svg.fonttype": "path", "font.family": "DejaVu Sans", "font.size": 9.0}
"""Without a salt of its own, each file has other identifiers."""


def check(folder: Path) -> None:
    """Make the folder for plots. Raises InvalidRequest where it cannot be, or nothing can be drawn, with what to do."""
    if importlib.util.find_spec("matplotlib") is None:
        raise InvalidRequest(
            "Plots need matplotlib, which is not installed. Install it where this runs: pip install "
            "'zoe-jupyter[simulate]'; or leave --plots out."
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidRequest(f"The folder {folder} for plots cannot be made: {error.strerror}.") from error


def plot_runs(runs: Sequence[Run], folder: Path, kind: str = "svg") -> list[Path]:
    """Write a file for each figure, and one of allocation and line over time. The files, which are replaced."""
    written = []
    for figure, title in FIGURES.items():
        spreads = {f"{run.policy}\n{run.order}": getattr(run.summary, figure) for run in runs}
        written.append(save(boxes({"": spreads}, title), folder / f"{figure}.{kind}"))
    told = {f"{run.policy}, {run.order}": series(run.outcome) for run in runs}
    written.append(save(over_time(told), folder / f"allocation.{kind}"))
    return written


def boxes(panels: Mapping[str, Mapping[str, Spread]], title: str) -> Figure:
    """A panel for each title: boxes from p25 to p75 with the median, whiskers from the least to p95, a dot at p99, and
    a diamond at the mean.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(_SETTINGS):
        widths = [max(1, len(spreads)) for spreads in panels.values()]
        figure = Figure(figsize=(max(4.0, 1.2 + 0.75 * sum(widths)), 4.2), layout="constrained")
        axes = figure.subplots(1, len(panels), sharey=True, squeeze=False, width_ratios=widths)[0]
        for axis, (name, spreads) in zip(axes, panels.items(), strict=True):
            # Nothing waited at all: such a spread is shown at nought, which a logarithmic scale does not have.
            axis.set_yscale("symlog", linthresh=1.0)
            axis.bxp(
                [_box(label, spread) for label, spread in spreads.items()],
                showmeans=True,
                widths=0.6,
                flierprops={"marker": "o", "markersize": 4},
                meanprops={"marker": "D", "markersize": 4},
            )
            axis.set_ylim(bottom=0)
            axis.set_title(name)
            axis.tick_params(axis="x", rotation=90)
            axis.grid(axis="y", linewidth=0.3)
        axes[0].set_ylabel(title)
        return figure


def _box(label: str, spread: Spread) -> dict[str, Any]:
    return {
        "label": label,
        "whislo": spread.least,
        "q1": spread.p25,
        "med": spread.median,
        "q3": spread.p75,
        "whishi": spread.p95,
        "fliers": [spread.p99],
        "mean": spread.mean,
    }


def over_time(found: Mapping[str, Series]) -> Figure:
    """How much of processors and memory was granted, and how many waited, a line for each."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(_SETTINGS):
        figure = Figure(figsize=(9.0, 7.0), layout="constrained")
        axes = figure.subplots(3, 1, sharex=True)
        for label, each in found.items():
            for axis, values in zip(axes, (each.cpu, each.memory, each.waiting), strict=True):
                days = [(number + 0.5) * each.seconds / len(values) / 86_400 for number in range(len(values))]
                axis.plot(days, values, label=label, linewidth=0.9)
        titles = ("processors granted", "memory granted", "applications in line")
        for axis, title in zip(axes, titles, strict=True):
            axis.set_ylabel(title)
            axis.set_ylim(bottom=0)
            axis.grid(linewidth=0.3)
        axes[-1].set_xlabel("days since the first arrival")
        axes[0].legend(fontsize="small", loc="lower right")
        return figure


def save(figure: Figure, path: Path) -> Path:
    """Write a figure by the path's ending; its folder is made. Raises InvalidRequest where that cannot be."""
    from matplotlib import rc_context

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with rc_context(_SETTINGS):
            figure.savefig(path, dpi=150, metadata={"Date": None} if path.suffix == ".svg" else {"Software": None})
    except OSError as error:
        raise InvalidRequest(f"The plot {path} cannot be written: {error.strerror}.") from error
    return path
