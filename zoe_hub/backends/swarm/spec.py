"""What the swarm is asked for, for one run of one instance. Pure, but for reading the framework's folder."""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ...model.plan import ProcessPlan
from ..docker.names import RunKey, container_labels, host_names
from ..docker.settings import DockerSettings
from ..docker.spec import environment, log_config, mounts
from ..launch import Launch
from . import control, starter
from .settings import SwarmSettings

VOLUME = "/tmp"
"""Of the container alone, gone with it. Every image has that folder, for all users to write into: a swarm's engines
make others root's."""
FOLDER = f"{VOLUME}/zoe"
SCRATCH = f"{FOLDER}/work"
"""``${self.folder}``."""
FRAMEWORK = f"{FOLDER}/framework"
"""``${framework.folder}``."""
BUNDLE = "zoe"
"""The secret's name in the container."""
_LARGEST = 500 * 1024
"""Bytes of a secret."""
_LEAST_MEMORY = 6 * 2**20
_OF_CONNECTIONS = {
    "net.ipv4.tcp_keepalive_time": "10",
    "net.ipv4.tcp_keepalive_intvl": "5",
    "net.ipv4.tcp_keepalive_probes": "3",
    "net.ipv4.tcp_retries2": "6",
}
"""A machine that dies takes leave of nobody, and others would wait for it for a quarter of an hour or for ever. With
these, connections to it end after some 25 seconds, when the swarm is certain and starts elsewhere what it had."""
_EARLIEST = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Place:
    """Where a run is put."""

    key: RunKey
    owner: str
    installation: str
    term: int
    network: str
    image: str
    smallest: float
    """Processors of the smallest machine: an engine refuses a limit above what it has."""
    secret: str = ""
    """Identifier of the secret that holds its bundle."""

    @property
    def name(self) -> str:
        return service_name(self.installation, self.key)


def host_name(installation: str, key: RunKey) -> str:
    """By which an instance is found, wherever and how often it is started: no other of the swarm has that name."""
    mark = hashlib.sha256(f"{installation}/{key.execution}/{key.process}/{key.ordinal}".encode()).hexdigest()[:8]
    return f"zoe-{_plain(key.execution)[:16].strip('-')}-{_plain(key.process)[:18].strip('-')}-{key.ordinal}-{mark}"


def service_name(installation: str, key: RunKey) -> str:
    """Of the service of a run, and of its secret."""
    return f"{host_name(installation, key)}-r{key.run}"


def labels(place: Place) -> dict[str, str]:
    """Of the service, its secret and its container."""
    return container_labels(place.installation, place.key, place.owner, place.term)


def with_secret(place: Place, secret: str) -> Place:
    """The place, once the swarm has its secret."""
    return replace(place, secret=secret)


def service(place: Place, template: ProcessPlan, docker: DockerSettings, swarm: SwarmSettings) -> dict[str, Any]:
    """The swarm's description of the service. Holds no secret."""
    key, shutdown = place.key, template.shutdown
    return {
        "Name": place.name,
        "Labels": labels(place),
        "Mode": {"Replicated": {"Replicas": 1}},
        # One task has one address: names lead there, and no kernel needs to balance anything.
        "EndpointSpec": {"Mode": "dnsrr"},
        "UpdateConfig": {"Parallelism": 1, "Order": "stop-first", "FailureAction": "rollback"},
        "TaskTemplate": {
            "ContainerSpec": {
                "Image": place.image,
                "Command": [docker.python, "-I", "-S", f"/run/secrets/{BUNDLE}"],
                "Hostname": host_name(place.installation, key),
                "Labels": labels(place),
                "User": docker.user,
                "Dir": VOLUME,
                "Init": True,
                "ReadOnly": docker.read_only_root,
                "CapabilityDrop": ["ALL"],
                "Sysctls": _OF_CONNECTIONS,
                # Engines that do not know it yet leave it out.
                "Privileges": {"NoNewPrivileges": True},
                "StopSignal": shutdown.signal,
                "StopGracePeriod": round(max(0.1, shutdown.grace) * 1e9),
                # An image's own would keep its name from being known until it is healthy.
                "Healthcheck": {"Test": ["NONE"]},
                "Mounts": [{"Type": "volume", "Target": VOLUME}, *mounts(place.owner, docker)],
                "Secrets": [_secret(place, docker.user)],
            },
            "Resources": resources(place, template, docker, swarm),
            "RestartPolicy": {"Condition": "none"},
            "Placement": {"Constraints": list(swarm.constraints)},
            "Networks": [
                {
                    "Target": place.network,
                    "Aliases": [host_name(place.installation, key), *host_names(key.process, key.ordinal)],
                }
            ],
            "LogDriver": {"Name": "json-file", "Options": log_config(docker.log_limit).get("Config", {})},
        },
    }


def resources(place: Place, template: ProcessPlan, docker: DockerSettings, swarm: SwarmSettings) -> dict[str, Any]:
    """What a machine must have free, and what the kernel lets it use there."""
    wanted = template.resources
    reserved: dict[str, Any] = {}
    limits: dict[str, Any] = {"Pids": docker.pids_limit}
    if wanted.cpu:
        # As many times as Zoe hands a processor out, the swarm has to, too.
        reserved["NanoCPUs"] = int(wanted.cpu / docker.cpu_overcommit * 1e9)
        if docker.cpu_burst:
            limits["NanoCPUs"] = round(min(place.smallest, max(1.0, wanted.cpu * docker.cpu_burst)) * 1e9)
    if wanted.memory:
        reserved["MemoryBytes"] = wanted.memory
        limits["MemoryBytes"] = max(_LEAST_MEMORY, wanted.memory)
    if wanted.gpu:
        reserved["GenericResources"] = [{"DiscreteResourceSpec": {"Kind": swarm.gpu_kind, "Value": wanted.gpu}}]
    return {"Limits": limits, "Reservations": reserved}


def bundle(launch: Launch, framework: Path, token: str) -> bytes:
    """All that the starter needs, as an archive that Python executes. Raises OSError, ValueError for too much."""
    what = {
        "command": list(launch.command),
        "environment": environment(launch.environment, SCRATCH),
        "folder": FOLDER,
        "port": control.PORT,
        "token": token,
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:

        def put(name: str, content: bytes) -> None:
            archive.writestr(zipfile.ZipInfo(name, _EARLIEST), content, zipfile.ZIP_DEFLATED)

        put("__main__.py", Path(starter.__file__).read_bytes())
        put("launch.json", json.dumps(what).encode())
        for name, text in launch.files.items():
            put(f"work/{name}", text.encode(errors="surrogateescape"))
        for path in sorted(framework.rglob("*")) if framework.is_dir() else ():
            inside = path.relative_to(framework)
            if path.is_file() and "__pycache__" not in inside.parts:
                put(f"framework/{inside}", path.read_bytes())
    content = buffer.getvalue()
    if len(content) > _LARGEST:
        raise ValueError(
            f"the files of its framework and its configuration are {len(content) // 1024} KiB when packed, and a swarm "
            f"brings {_LARGEST // 1024} KiB at most to a container: leave large files to its image"
        )
    return content


def _secret(place: Place, user: str) -> dict[str, Any]:
    owner, _, group = user.partition(":")
    file = {"Name": BUNDLE, "UID": owner, "GID": group or owner, "Mode": 0o400}
    return {"SecretID": place.secret, "SecretName": place.name, "File": file}


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "x"
