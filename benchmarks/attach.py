"""Request → first result of a cluster with two workers: Zoe against what people do today.

Spark: against the same cluster started by hand, with stock settings and with Zoe's flags and class archive.
Dask: see `attach_dask`. Zoe is measured through its Hub's proxy and REST interface, with the framework's own client.
"""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import attach_dask
import spark_by_hand
from hubs import CHECKOUT, Hub, home
from kernel import Kernel
from report import Result, alternate, end_on_signals, say, show

sys.path.append(str(CHECKOUT / "frameworks" / "spark"))

STOCK_GOAL = 0.6
TUNED_GOAL = 1.10


def attach(kernel: Kernel) -> float:
    """Seconds from the request to the first result with both workers."""
    begin = time.perf_counter()
    with kernel.attached("spark", workers=2, memory="1 GiB") as (names, workers):
        assert spark_by_hand.first_result(names["spark"]) == 4950
        workers(2)
        return time.perf_counter() - begin


def measure(kernel: Kernel, folder: Path, cache: Path) -> list[Result]:
    """The results of all rounds with Spark."""
    import runtime

    found = runtime.find()
    os.environ["SPARK_HOME"], os.environ["JAVA_HOME"] = str(found.spark_home), str(found.java_home)
    archive = found.archive_options(str(cache / "spark"))
    stock = spark_by_hand.Flags()
    tuned = spark_by_hand.Flags([*archive, *runtime.FAST_START], [*archive, *runtime.COMPUTE])
    numbers = itertools.count()

    def by_hand(flags: spark_by_hand.Flags) -> float:
        return spark_by_hand.attach(folder / f"spark-{next(numbers)}", found.spark_home, found.java_home, flags)

    medians = alternate(
        {
            "Spark by hand, stock": lambda: by_hand(stock),
            "Zoe (Spark)": lambda: attach(kernel),
            "Spark by hand, Zoe's flags": lambda: by_hand(tuned),
        }
    )
    value = medians["Zoe (Spark)"]
    return [
        Result("attach spark: against stock settings by hand", value, medians["Spark by hand, stock"], STOCK_GOAL),
        Result("attach spark: against Zoe's flags by hand", value, medians["Spark by hand, Zoe's flags"], TUNED_GOAL),
    ]


def prepare(cache: Path) -> None:
    """Make Spark's class archive, unless set-up has."""
    command = [sys.executable, "-I", str(CHECKOUT / "frameworks" / "spark" / "prepare.py"), str(cache / "spark")]
    subprocess.run(command, check=True, stdout=sys.stderr)


def main() -> int:
    """Run both parts; the exit status."""
    end_on_signals()
    cache = home() / "data" / "cache"
    prepare(cache)
    with tempfile.TemporaryDirectory(prefix="zoe-bench-") as name:
        folder = Path(name)
        say("Starting a hub ...")
        with Hub(folder / "hub", zoe=True, cache=cache) as hub, Kernel(hub, "alice") as kernel:
            results = [*measure(kernel, folder, cache), *attach_dask.measure(kernel, folder)]
    return show(results)


if __name__ == "__main__":
    sys.exit(main())
