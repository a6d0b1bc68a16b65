"""Writes docs/reference from the code: ``python -m scripts.reference``; ``--check`` says what is out of date."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from traitlets.config import Configurable

from zoe_hub.backends.docker.settings import ZoeDocker
from zoe_hub.backends.swarm.settings import ZoeSwarm
from zoe_hub.config import ZoeConfig
from zoe_hub.metrics import Metrics
from zoe_hub.model.events import EventKind
from zoe_hub.model.framework import Framework
from zoe_hub.model.pictures import drawings
from zoe_hub.model.quotas import Quotas
from zoe_hub.model.zapp import ZApp
from zoe_hub.scheduler.lifecycle import EXECUTION, INSTANCE
from zoe_hub.scheduler.methods import ORDERS, POLICIES
from zoe_hub.simulator.generator import Settings
from zoe_hub.simulator.trace import TRACE_SCHEMA
from zoe_hub.spawner.docker import ZoeDockerSpawner
from zoe_hub.spawner.settings import ZoeSettings
from zoe_hub.web.api import OPERATIONS
from zoe_hub.web.openapi import document
from zoe_hub.web.reference import render as rest
from zoe_hub.web.scopes import SCOPES, USER_SCOPES
from zoe_server_ext.embedded import ZoeEmbedded

FOLDER = Path(__file__).parent.parent / "docs" / "reference"
SETTINGS: tuple[tuple[type[Configurable], str], ...] = (
    (ZoeConfig, "the file that `ZOE_CONFIG_FILE` names; without a Hub, `jupyter_server_config.py`"),
    (ZoeDocker, "the same file, where `c.ZoeConfig.engine` is 'docker'"),
    (ZoeSwarm, "the same file, where `c.ZoeConfig.engine` is 'swarm'"),
    (ZoeSettings, "`jupyterhub_config.py`"),
    (ZoeDockerSpawner, "`jupyterhub_config.py`, for servers in containers"),
    (ZoeEmbedded, "`jupyter_server_config.py`, for a server without a Hub"),
)
UI = Path(__file__).parent.parent / "ui" / "packages"
OPENAPI = UI / "api" / "openapi.json"
PICTURES = UI / "components" / "src" / "pictures.ts"
MADE = "<!-- Made from the code by `make docs`. -->\n\n"


def configuration() -> str:
    """Every trait that an administrator may set."""
    lines = ["# Configuration", ""]
    for owner, where in SETTINGS:
        name = "Spawner" if owner is ZoeSettings else owner.__name__
        lines += [f"## In {where}", ""]
        for trait_name, trait in sorted(owner.class_own_traits(config=True).items()):
            shown = trait.default() if trait.default_value is not None else ""
            lines += [f"### `c.{name}.{trait_name}`", "", f"{type(trait).__name__}"]
            lines[-1] += f", default `{shown!r}`" if shown not in ("", None) else ""
            lines += ["", str(trait.help), ""]
    return "\n".join(lines)


def scopes() -> str:
    """Every scope."""
    lines = [
        "# Scopes",
        "",
        "Users have those marked •, for what is their own.",
        "",
        "| scope | | what it allows |",
        "|---|---|---|",
    ]
    for name, described in SCOPES.items():
        lines.append(f"| `{name}` | {'•' if name in USER_SCOPES else ''} | {described['description']} |")
    return "\n".join([*lines, ""])


def events() -> str:
    """Every kind of event."""
    lines = [
        "# Events",
        "",
        "Server-sent events of `GET /events`: `event` is the kind, `id` the number to resume from.",
        "",
    ]
    lines += ["| kind |", "|---|", *(f"| `{kind.value}` |" for kind in EventKind), ""]
    lines += [
        "Beside these, a stream of all executions may hold `gap`, which is no stored event: events that came after the "
        "one to resume from have been deleted; see [what is kept](../how-to/retention.md).",
        "",
    ]
    return "\n".join(lines)


def lifecycle() -> str:
    """The tables through which states move, drawn."""
    lines = ["# Lifecycle", "", "## Executions", "", "```mermaid", "stateDiagram-v2"]
    lines += [f"    {before.value} --> {after.value}: {event.value}" for (before, event), after in EXECUTION.items()]
    lines += ["```", "", "## Instances", "", "```mermaid", "stateDiagram-v2"]
    lines += [f"    {before.value} --> {after.value}: {event.value}" for (before, event), after in INSTANCE.items()]
    return "\n".join([*lines, "```", ""])


def metrics() -> str:
    """Every metric of the service."""
    lines = [
        "# Metrics",
        "",
        "What `GET /services/zoe/metrics` says, for a token with the scope `custom:zoe:read:metrics`; "
        "see [monitoring](../how-to/monitoring.md). A histogram has the series `…_bucket`, `…_sum` and `…_count`.",
        "",
        "The label `zapp` is the name of a ZApp in the shop, or `own` for all others. Metrics that are *leader only* "
        "are counted by the service that leads: add them up over all services. The other numbers about executions, "
        "machines and the queue are the same whichever service is asked: take their maximum. The metrics of the "
        "process itself (`process_cpu_seconds_total`, `process_resident_memory_bytes`, …) are as everywhere.",
        "",
        "| metric | kind | labels | what it says |",
        "|---|---|---|---|",
    ]
    for each in Metrics().descriptions:
        labels = ", ".join(f"`{label}`" for label in each.labels)
        lines.append(f"| `{each.name}` | {each.kind} | {labels} | {each.help} |")
    return "\n".join([*lines, ""])


def documents() -> str:
    """The JSON Schemas of framework and ZApp files, and of the file of quotas."""
    lines = ["# Files of frameworks, ZApps and quotas", "", "The JSON Schemas, as `zoe schema` prints them.", ""]
    for kind in (Framework, ZApp, Quotas):
        lines += [f"## {kind.__name__}", "", "```json", json.dumps(kind.model_json_schema(), indent=1), "```", ""]
    return "\n".join(lines)


def simulation() -> str:
    """What can be said to `zoe simulate`, and the schema of traces."""
    lines = ["# Simulation", "", "What [`zoe simulate`](../how-to/simulate.md) knows.", ""]
    lines += ["## Policies and orders", "", f"Policies: {', '.join(f'`{name}`' for name in POLICIES)}.", ""]
    lines += [f"Orders: {', '.join(f'`{name}`' for name in ORDERS)}.", ""]
    lines += [
        "## Nodes",
        "",
        "`25` nodes of the size of the last one of the trace; `+10` more, or `-5` fewer; `25x32x128GiB` nodes with 32 "
        "processors and 128 GiB each, with 4 GPUs `25x32x128GiBx4`, and `+10x64x256GiB` beside those that there are. "
        "Without a trace and without a size, nodes have 32 processors and 128 GiB.",
        "",
        "## Generated workloads",
        "",
        "`-w NAME=VALUE`; may be repeated. Each application is one process with core and elastic components of one "
        "shape. An elastic or interactive one has 1 to `core` core components, evenly drawn from 0 to `core`, where 0 "
        "counts as 1. `single` and `tail` draw the number of a rigid one's components, of an interactive one's elastic "
        "components, and, times `multiple`, of an elastic one's. A shape is drawn again until one component fits on a "
        "fifth of a node, and all of an application on the empty nodes. The load is the work of all, in the scarcer of "
        "processors and memory, divided by what the nodes could do until the last arrival.",
        "",
        "| name | default | |",
        "|---|---|---|",
    ]
    for name, each in Settings.model_fields.items():
        lines.append(f"| `{name}` | {each.default} | {each.description} |")
    lines += ["", "## Traces", "", "Each line is a JSON document of this schema; the first is a `TraceHead`.", ""]
    return "\n".join([*lines, "```json", json.dumps(TRACE_SCHEMA.json_schema(), indent=1), "```", ""])


def openapi() -> str:
    """The OpenAPI document, from which the types of the TypeScript side are made."""
    return json.dumps(document(OPERATIONS, "/services/zoe/"), indent=1) + "\n"


def pictures() -> str:
    """The drawings of ZApps' icons, so that all faces have the same."""
    lines, characters = drawings()
    made = "/** Made from zoe_hub/model/pictures.py by `make docs`. */\n\n"
    for name, table in (("LINES", lines), ("BY_CHARACTER", characters)):
        text = json.dumps(table, indent=2, ensure_ascii=False)
        made += f"export const {name}: Readonly<Record<string, string>> = {text};\n"
    return made


def pages() -> Iterator[tuple[Path, str]]:
    """Every page and what it should say."""
    made = {
        "configuration": configuration,
        "documents": documents,
        "events": events,
        "lifecycle": lifecycle,
        "metrics": metrics,
        "rest": rest,
        "scopes": scopes,
        "simulation": simulation,
    }
    for name, make in made.items():
        yield FOLDER / f"{name}.md", (MADE if name != "rest" else "") + make()
    yield OPENAPI, openapi()
    yield PICTURES, pictures()


def main() -> None:
    """Write the pages, or say which differ."""
    old = [path for path, text in pages() if not path.exists() or path.read_text() != text]
    if "--check" in sys.argv:
        sys.exit(f"out of date: {', '.join(path.name for path in old)}; run make docs" if old else 0)
    for path, text in pages():
        path.write_text(text)
    print(f"{len(old)} of the reference's pages changed")


if __name__ == "__main__":
    main()
