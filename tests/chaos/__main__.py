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
from pathlib import Path

from .plan import stretches
from .report import REPORT, REPORTED_FROM, Total, page
from .run import Run


def main() -> int:
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", default=str(int(time.time())), help="of a run, or of one stretch of it: 7, 7.3")
    parser.add_argument("--folder", type=Path, help="keep what the runs wrote here")
    given = parser.parse_args()
    total = Total(given.seed)
    with tempfile.TemporaryDirectory(prefix="zoe-chaos-") as temporary:
        for plan in stretches(given.seed, given.kills):
            folder = (given.folder or Path(temporary)) / plan.seed
            folder.mkdir(parents=True)
            say(f"seed {plan.seed}, {len(plan.rounds)} kills:")
            outcome = asyncio.run(Run(folder, plan, say).run())
            total.add(outcome, len(plan.rounds))
            for violation in outcome.violations:
                say(f"  VIOLATION {violation}")
            if outcome.violations:
                say(f"  again: make chaos SEED={plan.seed} KILLS={len(plan.rounds)}")
    print(total.table())
    if total.rounds >= REPORTED_FROM:
        REPORT.write_text(page(total))
        say(f"The report is in {REPORT.name}.")
    print(json.dumps(total.documents()))
    return 1 if total.violations else 0


def say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
