"""Settings of the Docker back end: as traits for administrators, as plain values for the back end."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv4Network, ip_network
from pathlib import Path
from typing import Any

from traitlets import Bool, CaselessStrEnum, Dict, Float, Integer, List, TraitError, Unicode, validate
from traitlets.config import Configurable

PULL_POLICIES = ("missing", "always", "never")
NETWORK_GUARDS = ("zoe", "administrator")
_USER = re.compile(r"[0-9]{1,9}(:[0-9]{1,9})?")


@dataclass(frozen=True)
class Mount:
    """A volume or a folder of the engine's machine that every instance sees."""

    source: str
    """Name of a volume, or an absolute path; ``{owner}`` stands for the owner's name, made harmless."""
    target: str
    read_only: bool = False


@dataclass(frozen=True)
class DockerSettings:
    """Which engine, and how instances are kept on it."""

    folder: Path
    """What the service writes down about instances, and their logs; its own (0700)."""
    framework_folder: Callable[[str], Path]
    """Where the files of a framework are: they are copied into each container."""
    host: str = ""
    """As in DOCKER_HOST. Empty: what the environment says, else the usual socket."""
    default_image: str = ""
    """For processes that name none."""
    allowed_images: tuple[str, ...] = ()
    """Patterns; none: any that a framework names."""
    images_lock: str = ""
    """A JSON file of images' names, and of what they are by their content."""
    pull_policy: str = "missing"
    user: str = "1000:100"
    """Number of the user and the group that programs run as."""
    subnets: str = "10.208.0.0/12"
    subnet_prefix: int = 22
    mounts: tuple[Mount, ...] = ()
    service_container: str = ""
    """The container in which this service runs, if it does: it joins the networks of executions."""
    read_only_root: bool = True
    pids_limit: int = 4096
    cpu_burst: float = 2.0
    temporary_space: int = 256 * 2**20
    gpus: tuple[str, ...] = ()
    cpus: float | None = None
    memory: int | None = None
    cpu_overcommit: float = 8.0
    log_limit: int = 64 * 2**20
    resync: float = 30.0
    network_guard: str = "zoe"
    guard_image: str = "zoe/guard:0.1"
    python: str = "python3"
    extra: dict[str, Any] = field(default_factory=dict)
    """Merged into the engine's HostConfig last."""


class ZoeDocker(Configurable):
    """The Docker engine on which clusters run, where `c.ZoeConfig.engine` is 'docker'."""

    host = Unicode(
        help="Where the engine listens, such as 'unix:///var/run/docker.sock' or 'tcp://machine:2376'. Default: what "
        "DOCKER_HOST says, else the usual socket. Whoever reaches that socket is root on the "
        "machine: only the service may."
    ).tag(config=True)
    default_image = Unicode(
        help="Image of processes that name none. Default: none, and such a process is refused."
    ).tag(config=True)
    allowed_images = List(
        Unicode(),
        help="Images that may run, patterns such as 'registry.example.org/zoe/*'. They are compared with the name as "
        "a framework writes it, and * stands for anything, slashes and colons too: end what comes before it with one. "
        "An image outside of them is refused with a sentence. Default: whatever the frameworks of your folders name.",
    ).tag(config=True)
    images_lock = Unicode(
        help="JSON file that says what images are by their content: a name such as 'zoe/dask:0.1', and an identifier "
        "('sha256:…', as `make images` writes it) or a digest ('registry.example.org/zoe/dask@sha256:…'). What is in "
        "it runs exactly so, whatever the name means meanwhile, and is refused where the engine has not got it and "
        "cannot pull it. Changes are seen without a restart. Default: none; a name is whatever the engine has under it."
    ).tag(config=True)
    pull_policy = CaselessStrEnum(
        list(PULL_POLICIES),
        default_value="missing",
        help="When an image is pulled: 'missing' where the engine does not have it, 'always' before each start, which "
        "costs a question to the registry, 'never' where an image that is not there is to be refused.",
    ).tag(config=True)
    user = Unicode(
        "1000:100",
        help="Numbers of the user and the group that programs run as, whatever the image says: those of Jupyter's own "
        "images and of Zoe's. Never root.",
    ).tag(config=True)
    subnets = Unicode(
        "10.208.0.0/12",
        help="Addresses that no machine in reach uses. Each execution gets a network cut out of them. (Docker's own "
        "pools end at 31 networks.)",
    ).tag(config=True)
    subnet_prefix = Integer(
        22,
        min=16,
        max=28,
        help="Size of the network of one execution: 22 has room for 765 instances, 24 for 189; three quarters of the "
        "addresses are for instances, the rest for notebooks that join.",
    ).tag(config=True)
    mounts = List(
        Dict(),
        help="Volumes and folders that every instance sees, such as [{'source': 'jupyterhub-user-{owner}', 'target': "
        "'/home/jovyan/work'}, {'source': '/data', 'target': '/data', 'read_only': True}]. A source that begins with a "
        "slash is a folder of the engine's machine. {owner} is the owner's name, written as DockerSpawner writes "
        "{username}. None of them is ever deleted.",
    ).tag(config=True)
    service_container = Unicode(
        help="Name of the container in which Zoe's service runs, where it runs in one: it joins the network of each "
        "execution, as it has to reach clusters. Empty: the service runs on the engine's machine itself."
    ).tag(config=True)
    read_only_root = Bool(
        True,
        help="True: programs can write below their own folder, /tmp and mounts only. False: everywhere in their image, "
        "for images that need that; what they write there takes room until the container ends.",
    ).tag(config=True)
    pids_limit = Integer(
        4096, min=16, help="Processes and threads that one instance may have: a JVM has some hundreds."
    ).tag(config=True)
    cpu_burst = Float(
        2.0,
        min=0.0,
        help="How many times its processors an instance may use while others leave them idle, at least one; when all "
        "are busy, they are divided by what was granted. 1: never more. 0: as many as there are.",
    ).tag(config=True)
    temporary_space = Unicode(
        "256 MiB", help="Room in /tmp of an instance, which is in memory and counts as such."
    ).tag(config=True)
    gpus = List(
        Unicode(),
        help="Graphics processors that may be granted, by number or UUID as `nvidia-smi -L` shows them. Each is given "
        "to one instance at a time.",
    ).tag(config=True)
    resync = Float(
        30.0,
        min=0.1,
        help="Seconds between two lists of all containers, which find what the engine's stream of events missed.",
    ).tag(config=True)

    network_guard = CaselessStrEnum(
        list(NETWORK_GUARDS),
        default_value="zoe",
        help="Who closes the moments in which engines before 28 let networks reach each other. 'zoe': the service, by "
        "a rule in the firewall of the engine's machine, which a short-lived container of `guard_image` sets where it "
        "is missing, with the machine's own network and the right to change it; where that cannot be, no instance is "
        "started. Later engines need no rule, and no such container is run. 'administrator': you set it, and nobody "
        "looks whether it is there.",
    ).tag(config=True)
    guard_image = Unicode(
        "zoe/guard:0.1",
        help="Image of the container by which the service sets the rule of `network_guard`. It is never pulled, as it "
        "is given rights over the machine's network: `make images` builds it.",
    ).tag(config=True)

    @validate("user")
    def _user_is_numbers(self, proposal: dict[str, str]) -> str:
        value = proposal["value"]
        if not _USER.fullmatch(value) or int(value.split(":")[0]) == 0:
            raise TraitError(f"ZoeDocker.user is {value!r}; numbers such as '1000:100' are right, and not root's.")
        return value

    @validate("subnets")
    def _subnets_are_a_network(self, proposal: dict[str, str]) -> str:
        try:
            network = ip_network(proposal["value"])
        except ValueError as error:
            raise TraitError(f"ZoeDocker.subnets: {error}") from error
        if not isinstance(network, IPv4Network):
            raise TraitError("ZoeDocker.subnets is an IPv4 network, such as '10.208.0.0/12'.")
        return proposal["value"]

    @validate("mounts")
    def _mounts_are_mounts(self, proposal: dict[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
        for value in proposal["value"]:
            make_mount(value)
        return proposal["value"]

    def mounted(self) -> tuple[Mount, ...]:
        """`mounts`, read."""
        return tuple(make_mount(value) for value in self.mounts)


def make_mount(value: dict[str, Any]) -> Mount:
    """Raises TraitError with what would be right."""
    source, target = value.get("source"), value.get("target")
    unknown = set(value) - {"source", "target", "read_only"}
    if unknown or not isinstance(source, str) or not source or not isinstance(target, str) or target[:1] != "/":
        raise TraitError(
            f"ZoeDocker.mounts: {value!r} is not of the form {{'source': …, 'target': '/…', 'read_only': False}}."
        )
    if not isinstance(value.get("read_only", False), bool):
        raise TraitError(f"ZoeDocker.mounts: read_only of {target} is True or False.")
    return Mount(source, target, value.get("read_only", False))
