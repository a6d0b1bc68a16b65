"""Writes what the experiment found into the documentation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import fmean

from experiment_goals import LOAD, MEANS, MIX
from experiment_runs import MIXES, ORDERS, OURS, POLICIES, Case, Found, least
from intervals import told
from report import Paired

from zoe_hub.simulator.measures import Spread
from zoe_hub.simulator.plots import boxes, over_time, save

_FIGURES = {"turnaround": "Turnaround (s)", "queueing": "Queueing (s)", "slowdown": "Slowdown"}

_BEGINNING = Path(__file__).with_suffix(".md")


def write_page(found: Sequence[Found], reached: Sequence[Paired], path: Path, others: str = "") -> None:
    """The page and its plots, which are beside it in a folder of its name; `others` is a section of its own."""
    size = found[0].case.size
    seeds = len({each.case.seed for each in found})
    lines = [_BEGINNING.read_text().format(requests=f"{size.requests:,}", nodes=size.nodes, seeds=seeds)]
    lines += [others] if others else []
    lines += ["## Goals", "", *_goals(reached), "", *_missed(found)]
    for mix, load, conditions in dict.fromkeys((e.case.mix, e.case.load, e.case.conditions) for e in found):
        these = [e for e in found if (e.case.mix, e.case.load, e.case.conditions) == (mix, load, conditions)]
        lines += [f"## {_mix(mix)}, load {load}, {conditions}", ""]
        lines += [
            "Mean turnaround as part of rigid's, by workload: mean, and its 95 % confidence interval. The least that is"
        ]
        lines += ["possible is to begin at once with everything granted, which no policy can do better than.", ""]
        lines += [*_ratios(these), "", *_table(these), ""]
        lines += [*_plots(these, path, f"{mix}-{load}-{conditions}".replace("/", "-").replace(" ", "-")), ""]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines).rstrip() + "\n")


def _mix(mix: str) -> str:
    elastic, interactive = MIXES[mix]
    told = f"{100 * elastic:.0f} % elastic, {100 * (1 - elastic - interactive):.0f} % rigid"
    return f"{told}, {100 * interactive:.0f} % interactive" if interactive else told


def _goals(reached: Sequence[Paired]) -> Iterator[str]:
    yield "| turnaround | elastic | other | all together | ratio | at most | |"
    yield "|---|---|---|---|---|---|---|"
    for each in reached:
        verdict = each.verdict if each.holds else f"**{each.verdict}**"
        yield (
            f"| {each.name} | {each.value:,.0f} s | {each.baseline:,.0f} s | {each.value / each.baseline:.3f} "
            f"| {told(each.ratios)} | {each.goal:.2f} | {verdict} |"
        )


def _missed(found: Sequence[Found]) -> Iterator[str]:
    """A paragraph for each goal that the mean misses: what is possible on these workloads, and how near ours comes."""
    for order, goal in MEANS.items():
        these = [e for e in found if (e.case.mix, e.case.load, e.case.conditions) == (MIX, LOAD, "as published")]
        rigid = {each.case.seed: each.turnaround.mean for each in _of(these, "rigid", order)}
        ours = {each.case.seed: each.turnaround.mean for each in _of(these, OURS, order)}
        if fmean(ours[seed] / rigid[seed] for seed in rigid) > goal:
            bounds = _bounds(these, order)
            above = [mean / least(these[0].case.size, MIX, LOAD, seed) for seed, mean in ours.items()]
            reach = "nobody could reach" if fmean(bounds) > goal else "little room is left below"
            yield f"Under {order} {reach} {goal:.2f}: if each application began at once, with everything granted, the"
            yield f"ratio would be {told(bounds)}. Under `{OURS}` the mean turnaround is {told(above)} times that."
            yield ""


def _bounds(found: Sequence[Found], order: str) -> list[float]:
    """By workload: the least mean turnaround that is possible, as part of rigid's."""
    rigid = _of(found, "rigid", order)
    return [least(e.case.size, e.case.mix, e.case.load, e.case.seed) / e.turnaround.mean for e in rigid]


def _of(found: Sequence[Found], policy: str, order: str) -> list[Found]:
    return [each for each in found if (each.case.policy, each.case.order) == (policy, order)]


def _ratios(found: Sequence[Found]) -> Iterator[str]:
    yield f"| | {' | '.join(POLICIES[1:])} | least possible |"
    yield f"|---{'|---' * len(POLICIES)}|"
    for order in ORDERS:
        means = {each.case.seed: each.turnaround.mean for each in _of(found, "rigid", order)}
        by_policy = (
            [each.turnaround.mean / means[each.case.seed] for each in _of(found, policy, order)]
            for policy in POLICIES[1:]
        )
        yield f"| {order} | {' | '.join(map(told, [*by_policy, _bounds(found, order)]))} |"


def _table(found: Sequence[Found]) -> Iterator[str]:
    spreads = [f"{name} {part}" for name in _FIGURES for part in ("mean", "median", "p95", "p99")]
    yield f"| | {' | '.join(spreads)} | CPU | memory | in line | at most | restarts |"
    yield f"|---{'|---' * (len(spreads) + 5)}|"
    for order in ORDERS:
        for policy in POLICIES:
            these = _of(found, policy, order)
            cells = []
            for name in _FIGURES:
                spread = mean_spread([getattr(each, name) for each in these])
                form = "{:.2f}" if name == "slowdown" else "{:,.0f}"
                cells += [form.format(value) for value in (spread.mean, spread.median, spread.p95, spread.p99)]
            means = {
                name: fmean(each.figures[name] for each in these)
                for name in ("cpu", "memory", "waiting", "longest_line", "restarts")
            }
            cells += [f"{100 * means['cpu']:.1f} %", f"{100 * means['memory']:.1f} %", f"{means['waiting']:.1f}"]
            cells += [f"{means['longest_line']:,.0f}", f"{means['restarts']:,.0f}"]
            yield f"| {policy}, {order} | {' | '.join(cells)} |"


def mean_spread(spreads: Sequence[Spread]) -> Spread:
    """The mean over workloads of each percentile."""
    fields = Spread.__dataclass_fields__
    return Spread(**{name: fmean(getattr(spread, name) for spread in spreads) for name in fields})


def _plots(found: Sequence[Found], page: Path, name: str) -> Iterator[str]:
    folder = page.with_suffix("")
    for figure, title in _FIGURES.items():
        panels = {
            order: {policy: mean_spread([getattr(e, figure) for e in _of(found, policy, order)]) for policy in POLICIES}
            for order in ORDERS
        }
        path = save(boxes(panels, title), folder / f"{figure}-{name}.svg")
        yield f"![{title}: boxes from p25 to p75, whiskers to p95, dots p99, diamonds means]({folder.name}/{path.name})"
        yield ""
    first: Case = found[0].case
    told = {p: e.series for p in POLICIES for e in _of(found, p, "fifo") if e.case.seed == first.seed}
    path = save(over_time(told), folder / f"allocation-{name}.svg")
    yield f"![Allocation and line over time, first workload, FIFO]({folder.name}/{path.name})"
