"""Zoe's control plane: the Hub service, its scheduler, its back ends and the spawner."""

__version__ = "0.1.0"
