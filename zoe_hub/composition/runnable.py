"""Why a framework does not run alone."""

from __future__ import annotations

from collections.abc import Iterable

from ..model.errors import NotRunnable
from ..model.framework import Framework
from ..model.zapp import ZApp


def not_runnable(framework: Framework, zapps: Iterable[ZApp]) -> NotRunnable:
    """The error for whoever tried to run a framework: what it lacks, and which ZApps have it."""
    users = sorted(zapp.name for zapp in zapps if any(part.framework == framework.name for part in zapp.frameworks))
    lacking = [option.name for option in framework.options if option.default is None]
    needs = (
        f"it needs configuration ({', '.join(lacking)})"
        if lacking
        else "it is a building block without a configuration"
    )
    hint = f"Start a ZApp that contains it: {', '.join(users)}." if users else "Join it in a ZApp first."
    return NotRunnable(f"{framework.name} is a framework and cannot run alone: {needs}. {hint}")
