"""What the engine is asked for, for one run of one instance. Pure."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...model.errors import InvalidDocument
from ...model.plan import ProcessPlan
from ..launch import Launch
from .names import RunKey, container_labels, host_names, owner_slug, volume_labels
from .settings import DockerSettings

VOLUME = "/zoe"
"""Of the container alone: an anonymous volume, which goes with it."""
SCRATCH = f"{VOLUME}/work"
"""``${self.folder}``."""
FRAMEWORK = f"{VOLUME}/framework"
"""``${framework.folder}``."""
CACHE = "/opt/zoe/cache"
"""Where an image has what its framework's preparation made."""
_SHARES = 1024
"""The kernel's weight of one processor."""
_MOST_SHARES = 2**18
"""What the kernel takes at most."""
_PERIOD = 100_000
"""Microseconds within which the kernel counts for how long a container had processors."""
_LEAST_MEMORY = 6 * 2**20
"""What the engine gives at least."""


@dataclass(frozen=True)
class Place:
    """Where a run is put."""

    key: RunKey
    owner: str
    installation: str
    term: int
    network: str
    address: str
    image: str
    devices: tuple[str, ...] = ()


def container(place: Place, template: ProcessPlan, launch: Launch, settings: DockerSettings) -> dict[str, Any]:
    """The engine's description of the container. Holds no secret: those are in files."""
    key = place.key
    return {
        "Image": place.image,
        # The image's own entry point is left out: it would be given the program as arguments.
        "Entrypoint": [launch.command[0]],
        "Cmd": list(launch.command[1:]),
        "Env": [f"{name}={value}" for name, value in environment(launch.environment).items()],
        "User": settings.user,
        "WorkingDir": SCRATCH,
        "Hostname": host_names(key.process, key.ordinal)[0],
        "Labels": container_labels(place.installation, key, place.owner, place.term),
        "HostConfig": {
            # No other network: with none named, some engines add their own, which everybody shares.
            "NetworkMode": place.network,
            # Something must pass signals on and bury orphans, as a system's first process does.
            "Init": True,
            "RestartPolicy": {"Name": "no"},
            "CapDrop": ["ALL"],
            "SecurityOpt": ["no-new-privileges"],
            "ReadonlyRootfs": settings.read_only_root,
            "Tmpfs": {"/tmp": f"mode=1777,size={settings.temporary_space}"},
            "Mounts": [scratch(place), *mounts(place.owner, settings)],
            "LogConfig": log_config(settings.log_limit),
            **limits(template, settings),
            **devices(place.devices),
            **settings.extra,
        },
        "NetworkingConfig": {
            "EndpointsConfig": {
                place.network: {
                    "Aliases": host_names(key.process, key.ordinal),
                    "IPAMConfig": {"IPv4Address": place.address},
                }
            }
        },
    }


def environment(template: Mapping[str, str], scratch: str = SCRATCH) -> dict[str, str]:
    """What every program finds, and what the template says. The image's own stays where neither names it."""
    return {"HOME": scratch, "TMPDIR": f"{scratch}/tmp", **template}


def limits(template: ProcessPlan, settings: DockerSettings) -> dict[str, Any]:
    """What the kernel lets it use."""
    resources = template.resources
    found: dict[str, Any] = {"PidsLimit": settings.pids_limit}
    # Also for who asked for none: the engine's own weight would be that of a whole processor, its bound all of them.
    found["CpuShares"] = min(_MOST_SHARES, max(2, round(_SHARES * resources.cpu)))
    if settings.cpu_burst:
        # Not as a number of processors, which engines refuse that have fewer of them.
        found["CpuPeriod"] = _PERIOD
        found["CpuQuota"] = round(_PERIOD * max(1.0, resources.cpu * settings.cpu_burst))
    if resources.memory:
        # Without swap: a program that is out of memory should end, not crawl.
        found["Memory"] = found["MemorySwap"] = max(_LEAST_MEMORY, resources.memory)
    return found


def devices(granted: tuple[str, ...]) -> dict[str, Any]:
    """The graphics processors themselves: asked for a number of them, the engine gives everybody the same."""
    if not granted:
        return {}
    return {"DeviceRequests": [{"Driver": "", "DeviceIDs": list(granted), "Capabilities": [["gpu"]]}]}


def scratch(place: Place) -> dict[str, Any]:
    """The container's own volume. By its labels it is found, too, where the container was taken away without it."""
    labels = volume_labels(place.installation, place.key.execution)
    return {"Type": "volume", "Target": VOLUME, "VolumeOptions": {"Labels": labels}}


def mounts(owner: str, settings: DockerSettings) -> list[dict[str, Any]]:
    """Those that the administrator allows to everybody."""
    found = []
    for mount in settings.mounts:
        source = mount.source.replace("{owner}", owner_slug(owner))
        kind = "bind" if source.startswith("/") else "volume"
        found.append({"Type": kind, "Source": source, "Target": mount.target, "ReadOnly": mount.read_only})
    return found


def log_config(limit: int) -> dict[str, Any]:
    """The engine keeps the log, and drops its oldest half when there is too much of it."""
    if not limit:
        return {"Type": "json-file"}
    return {"Type": "json-file", "Config": {"max-size": str(max(1, limit // 2)), "max-file": "2"}}


def archive(launch: Launch, framework: Path, user: str) -> bytes:
    """The working folder with its files, and the framework's own, for the container's volume. Raises OSError."""
    owner, _, group = user.partition(":")
    buffer = io.BytesIO()

    def owned(entry: tarfile.TarInfo, mode: int) -> tarfile.TarInfo:
        entry.uid, entry.gid, entry.uname, entry.gname, entry.mode = int(owner), int(group or owner), "", "", mode
        return entry

    def folder(name: str) -> None:
        entry = tarfile.TarInfo(name)
        entry.type = tarfile.DIRTYPE
        tar.addfile(owned(entry, 0o700))

    def file(name: str, content: bytes) -> None:
        entry = tarfile.TarInfo(name)
        entry.size = len(content)
        tar.addfile(owned(entry, 0o600), io.BytesIO(content))

    with tarfile.open(fileobj=buffer, mode="w") as tar:
        folder("work")
        folder("work/tmp")
        for name, content in launch.files.items():
            file(f"work/{name}", content.encode(errors="surrogateescape"))
        folder("framework")
        for path in sorted(framework.rglob("*")) if framework.is_dir() else ():
            inside = path.relative_to(framework)
            if "__pycache__" in inside.parts:
                continue
            if path.is_dir():
                folder(f"framework/{inside}")
            elif path.is_file():
                file(f"framework/{inside}", path.read_bytes())
    return buffer.getvalue()


def check_command(template: ProcessPlan, launch: Launch) -> None:
    """Raises InvalidDocument where there is nothing that an engine could start."""
    if not launch.command or not launch.command[0]:
        raise InvalidDocument(f"{template.key} has no command")
    texts = [*launch.command, *launch.environment, *launch.environment.values()]
    if any("\0" in text for text in texts):
        raise InvalidDocument(f"the command or the environment of {template.key} holds a NUL character")
