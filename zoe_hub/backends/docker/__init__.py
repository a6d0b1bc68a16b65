"""Instances as containers of a Docker engine, each execution in a network of its own."""

from .backend import DockerBackend
from .settings import DockerSettings, ZoeDocker

__all__ = ["DockerBackend", "DockerSettings", "ZoeDocker"]
