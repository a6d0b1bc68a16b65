"""Request → lab answers, in containers: ZoeDockerSpawner against DockerSpawner, on hubs that are otherwise alike."""

from __future__ import annotations

import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from containers_hub import NOTEBOOK, lacks, network, with_servers, write_config
from hubs import Hub
from report import Result, alternate, end_on_signals, say, show
from spawn import USER, spawn

GOAL = 1.05


def main() -> int:
    """Run the benchmark; the exit status."""
    end_on_signals()
    if lacks(NOTEBOOK):
        return 2
    with tempfile.TemporaryDirectory(prefix="zoe-bench-") as name, ExitStack() as stack:
        say("Starting two hubs ...")
        stack.enter_context(network())
        hubs = {}
        for kind, zoe in (("plain", False), ("zoe", True)):
            folder = Path(name, kind)
            write_config(folder)
            hubs[kind] = stack.enter_context(Hub(folder, zoe=zoe, settings=with_servers(kind, folder, zoe=zoe)))
        tokens = {kind: hub.user(USER) for kind, hub in hubs.items()}
        medians = alternate(
            {
                "DockerSpawner": lambda: spawn(hubs["plain"], tokens["plain"]),
                "ZoeDockerSpawner": lambda: spawn(hubs["zoe"], tokens["zoe"]),
            }
        )
    value, baseline = medians["ZoeDockerSpawner"], medians["DockerSpawner"]
    return show([Result("spawn in a container: request to lab, against DockerSpawner", value, baseline, GOAL)])


if __name__ == "__main__":
    sys.exit(main())
