"""Which engine the administrator's settings name, and how it is made from them."""

from __future__ import annotations

import sys

from traitlets.config import Configurable

from .backends.base import Backend
from .backends.docker.settings import DockerSettings, ZoeDocker
from .backends.local import LocalBackend, LocalSettings
from .backends.swarm.settings import ZoeSwarm
from .catalogue import Catalogue
from .config import ZoeConfig
from .model.errors import InvalidRequest
from .model.resources import parse_bytes

ENGINES: tuple[type[Configurable], ...] = (ZoeDocker, ZoeSwarm)
"""Settings of engines that have some of their own."""


def make_backend(settings: ZoeConfig, catalogue: Catalogue) -> Backend:
    """The engine that the settings name. Raises InvalidRequest where it needs a package that is not installed."""
    if settings.engine in ("docker", "swarm"):
        return _make_docker(settings, catalogue)
    return LocalBackend(
        LocalSettings(
            folder=settings.instances_folder,
            framework_folder=catalogue.folder,
            cache_folder=settings.cache_folder,
            cpus=settings.cpus or None,
            memory=parse_bytes(settings.memory) or None,
            cpu_overcommit=settings.cpu_overcommit,
            log_limit=parse_bytes(settings.log_limit),
        )
    )


def _make_docker(settings: ZoeConfig, catalogue: Catalogue) -> Backend:
    try:
        from .backends.docker.backend import DockerBackend
        from .backends.swarm.backend import SwarmBackend
    except ModuleNotFoundError as error:
        raise InvalidRequest(
            f"c.ZoeConfig.engine is '{settings.engine}', which needs a package that is not installed ({error.name}). "
            f"Type: {sys.executable} -m pip install 'zoe-jupyter[docker]'"
        ) from error
    of_engine = _docker_settings(settings, catalogue, ZoeDocker(parent=settings))
    if settings.engine == "docker":
        return DockerBackend(of_engine)
    if not of_engine.service_container:
        raise InvalidRequest(
            "c.ZoeConfig.engine is 'swarm': the service has to run in a container, as clusters are reached from within "
            "their networks only. Say which it is: c.ZoeDocker.service_container = 'zoe-hub-1'."
        )
    return SwarmBackend(of_engine, ZoeSwarm(parent=settings).settled())


def _docker_settings(settings: ZoeConfig, catalogue: Catalogue, docker: ZoeDocker) -> DockerSettings:
    return DockerSettings(
        folder=settings.instances_folder,
        framework_folder=catalogue.folder,
        host=docker.host,
        default_image=docker.default_image,
        allowed_images=tuple(docker.allowed_images),
        images_lock=docker.images_lock,
        pull_policy=docker.pull_policy,
        user=docker.user,
        subnets=docker.subnets,
        subnet_prefix=docker.subnet_prefix,
        mounts=docker.mounted(),
        service_container=docker.service_container,
        read_only_root=docker.read_only_root,
        pids_limit=docker.pids_limit,
        cpu_burst=docker.cpu_burst,
        temporary_space=parse_bytes(docker.temporary_space),
        gpus=tuple(docker.gpus),
        cpus=settings.cpus or None,
        memory=parse_bytes(settings.memory) or None,
        cpu_overcommit=settings.cpu_overcommit,
        log_limit=parse_bytes(settings.log_limit),
        resync=docker.resync,
        network_guard=docker.network_guard,
        guard_image=docker.guard_image,
    )
