"""A shop of programs that sleep: they start at once, need nothing, and ask for as much as a test says."""

from __future__ import annotations

from pathlib import Path

FRAMEWORK = """
apiVersion: zoe/v1
kind: Framework
name: sleepers
title: Sleepers
options:
  - {name: workers, type: integer, default: 0, minimum: 0, maximum: 20, scales: true}
  - {name: cpu, type: number, default: 0}
processes:
  - name: first
    title: First sleeper
    command: ["sleep", "100000"]
    resources: {cpu: "{{ cpu }}", memory: 10 MiB}
  - name: more
    title: Sleeper
    command: ["sleep", "100000"]
    instances: {core: 0, elastic: "{{ workers }}"}
    resources: {cpu: 0.1, memory: 10 MiB}
"""
ZAPP = """
apiVersion: zoe/v1
kind: ZApp
name: sleepers
title: Sleepers
icon: "😴"
description: Programs that do nothing, as many as you like.
parameters:
  - {name: workers, label: Workers, type: integer, default: 0, minimum: 0, maximum: 20, scales: true}
  - {name: cpu, label: Processors, type: number, default: 0, minimum: 0, maximum: 64}
frameworks: [{framework: sleepers, options: {workers: "{{ workers }}", cpu: "{{ cpu }}"}}]
"""
PAIR = """
apiVersion: zoe/v1
kind: ZApp
name: lab-and-sleepers
title: JupyterLab with sleepers
icon: "🛌"
description: A notebook, and programs beside it that do nothing.
parameters:
  - {name: workers, label: Workers, type: integer, default: 1, minimum: 0, maximum: 20, scales: true}
  - {name: cpu, label: Processors of the first, type: number, default: 0, minimum: 0, maximum: 64}
frameworks:
  - framework: jupyter
  - {framework: sleepers, options: {workers: "{{ workers }}", cpu: "{{ cpu }}"}}
"""
CLOCK = """
apiVersion: zoe/v1
kind: Framework
name: clock
title: Clock
processes:
  - name: hand
    title: Hand
    command: ["sh", "-c", "while :; do date '+%H:%M:%S tick'; sleep 0.5; done"]
    resources: {cpu: 0, memory: 10 MiB}
"""
TICKING = """
apiVersion: zoe/v1
kind: ZApp
name: ticking
title: A clock
description: Writes the time, all the time.
frameworks: [{framework: clock}]
"""
BROKEN = "apiVersion: zoe/v1\nkind: ZApp\nname: broken\ntitle: Broken\nframeworks: 7\n"
SETTINGS = """
c = get_config()
c.ZoeConfig.folders = [%r]
c.ZoeConfig.cpus = 4
"""


def write_shop(folder: Path) -> None:
    """The shop, and settings that name it and say that there are 4 processors."""
    shop = folder / "shop"
    (shop / "sleepers").mkdir(parents=True)
    (shop / "clock").mkdir()
    (shop / "zapps").mkdir()
    (shop / "sleepers" / "framework.yaml").write_text(FRAMEWORK)
    (shop / "zapps" / "sleepers.yaml").write_text(ZAPP)
    (shop / "clock" / "framework.yaml").write_text(CLOCK)
    (shop / "zapps" / "ticking.yaml").write_text(TICKING)
    (shop / "zapps" / "pair.yaml").write_text(PAIR)
    (shop / "zapps" / "broken.yaml").write_text(BROKEN)
    (folder / "zoe_config.py").write_text(SETTINGS % str(shop))
