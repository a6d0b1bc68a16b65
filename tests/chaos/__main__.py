"""``make chaos KILLS=1000 SEED=…``: kills Zoe at random instants, and looks whether anything was lost or doubled.

The last line of the output is a JSON list; the exit status is 0 when nothing was wrong.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from .hub_plan import make_hub_plan
from .hub_run import HubRun
from .plan import STRETCH, stretches
from .report import REPORT, REPORTED_FROM, Total, page
from .run import Run

HUB_SEED = ".hub"
"""The end of a seed that stands for kills around a real Hub."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", default=str(int(time.time())), help="of a run, or of one stretch of it: 7, 7.3")
    parser.add_argument("--folder", type=Path, help="keep what the runs wrote here")
    given = parser.parse_args()
    total = Total(given.seed)
    with tempfile.TemporaryDirectory(prefix="zoe-chaos-") as temporary:
        for seed, kills, run in runs(given.seed, given.kills, given.folder or Path(temporary)):
            say(f"seed {seed}, {kills} kills:")
            try:
                outcome = asyncio.run(run.run())
            except KeyboardInterrupt:
                say("Ended early; what follows is of the stretches before.")
                break
            total.add(outcome, kills)
            for violation in outcome.violations:
                say(f"  VIOLATION {violation}")
            if outcome.violations:
                say(f"  again: make chaos SEED={seed} KILLS={kills}")
    print(total.table())
    if total.rounds >= REPORTED_FROM:
        REPORT.write_text(page(total))
        say(f"The report is in {REPORT.name}.")
    print(json.dumps(total.documents()))
    return 1 if total.violations else 0


def runs(seed: str, kills: int, folder: Path) -> Iterator[tuple[str, int, Run | HubRun]]:
    """The stretches of a run. Of a long one, one kill of 25 is made around a real Hub, where that takes far longer."""
    around_hub = kills if seed.endswith(HUB_SEED) else kills // 25 if kills > STRETCH else 0
    for plan in stretches(seed, kills - around_hub):
        yield plan.seed, len(plan.rounds), Run(_made(folder / plan.seed), plan, say)
    if around_hub:
        seed = seed.removesuffix(HUB_SEED) + HUB_SEED
        yield seed, around_hub, HubRun(_made(folder / seed), seed, make_hub_plan(seed, around_hub), say)


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
