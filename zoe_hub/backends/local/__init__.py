"""Instances as process groups of this machine."""

from .backend import LocalBackend
from .settings import LocalSettings

__all__ = ["LocalBackend", "LocalSettings"]
