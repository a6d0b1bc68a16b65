"""Frameworks and ZApps in, plans out. Pure: no I/O, no clock; the same input gives the same plan."""

from .adaptable import adaptable
from .compose import compose, rescale, resolve_parameters
from .runnable import not_runnable

__all__ = ["adaptable", "compose", "not_runnable", "rescale", "resolve_parameters"]
