"""What the experiment finds on more nodes and under other conditions: a section of its page, written from the runs
that are kept.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from experiment_goals import MAIN, MIX
from experiment_runs import ORDERS, OURS, POLICIES, SIZES, Case, Found, Size, least, read
from intervals import told

SMALL = SIZES["small"]
_BEGINNING = Path(__file__).with_suffix(".md")
_OTHERS = [policy for policy in POLICIES if policy not in ("rigid", OURS)]


def kept(folder: Path, sizes: Sequence[Size] = tuple(SIZES.values())) -> list[Found]:
    """All runs of these sizes, by whatever code they were made. Of several of one case, that which was made last.

    Without those that the rest of the page is about.
    """
    found: dict[Case, Found] = {}
    for path in sorted(folder.glob("*.json"), key=lambda path: (path.stat().st_mtime_ns, path.name)):
        try:
            document = json.loads(path.read_text())
            case = Case(**{**document["case"], "size": Size(**document["case"]["size"])})
            if case.size in sizes and not (case.size == SMALL and (case.mix, case.load, case.conditions) in MAIN):
                found[case] = read(case, document)
        except (ValueError, TypeError, KeyError):
            # Of a program that was ended while it wrote.
            continue
    return [*found.values()]


def write_section(found: Sequence[Found], page: Path) -> None:
    """Exchange the section in a page that is there."""
    before, after = _parts(page.read_text())
    page.write_text(f"{before}{section(found)}\n{after}")


def section_of(page: Path) -> str:
    """What a page says now."""
    text = page.read_text() if page.exists() else ""
    if _title() not in text:
        return ""
    before, after = _parts(text)
    return text[len(before) : len(text) - len(after)]


def section(found: Sequence[Found]) -> str:
    """One table for all that was compared with rigid, and another for where every policy was."""
    lines = [_BEGINNING.read_text().format(nodes=SMALL.nodes)]
    lines += ["| requests | nodes | | order | workloads | elastic | least possible |", "|---|---|---|---|---|---|---|"]
    for place, policies in _rows(found, (OURS,)):
        lines.append(f"| {place} | {' | '.join(policies)} |")
    others = [f"| {place} | {' | '.join(policies)} |" for place, policies in _rows(found, (*_OTHERS, OURS))]
    if others:
        lines += ["", "On those of them on which every policy was run:", ""]
        lines += [f"| requests | nodes | | order | workloads | {' | '.join((*_OTHERS, OURS))} | least possible |"]
        lines += [f"|{'---|' * (len(_OTHERS) + 7)}", *others]
    return "\n".join(lines) + "\n"


def _rows(found: Iterable[Found], policies: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """What each line begins with, and its ratios, over the workloads on which all of these policies and rigid were."""
    means = {each.case: each.turnaround.mean for each in found}
    rigid = sorted((case for case in means if case.policy == "rigid"), key=_place)
    for of in dict.fromkeys(map(_place, rigid)):
        cases = [
            case
            for case in rigid
            if _place(case) == of and all(replace(case, policy=policy) in means for policy in policies)
        ]
        if cases:
            ratios = [[means[replace(case, policy=policy)] / means[case] for case in cases] for policy in policies]
            ratios.append([least(case.size, case.mix, case.load, case.seed) / means[case] for case in cases])
            size = cases[0].size
            begins = (f"{size.requests:,}", size.nodes, _scenario(cases[0]), cases[0].order, len(cases))
            yield " | ".join(map(str, begins)), [*map(told, ratios)]


def _place(case: Case) -> tuple[int, int, bool, str, float, str, int]:
    """By which lines are sorted, and workloads of one line put together."""
    size = case.size
    return size.requests, size.nodes, case.mix != MIX, case.conditions, case.load, case.mix, ORDERS.index(case.order)


def _scenario(case: Case) -> str:
    told = [f"load {case.load}"]
    told += [case.conditions] if case.conditions != "as published" else []
    return ", ".join([*told, case.mix] if case.mix != MIX else told)


def _title() -> str:
    return _BEGINNING.read_text().splitlines()[0]


def _parts(page: str) -> tuple[str, str]:
    """What is before the section, and what is after it."""
    before, _, rest = page.partition(_title())
    return before, rest[rest.index("\n## ") + 1 :]
