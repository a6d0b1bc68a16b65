"""Zoe in a notebook: attach clusters to the kernel, scale, swap and detach them.

::

    from zoe_widgets import Zoe
    zoe = Zoe()
    cluster = zoe.attach("spark", workers=2)

Importing this package costs nothing; what it needs is imported when it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .aio import AsyncCluster, AsyncZoe
    from .api import Cluster, Zoe

__all__ = ["AsyncCluster", "AsyncZoe", "Cluster", "Zoe", "load_ipython_extension", "unload_ipython_extension"]


def __getattr__(name: str) -> Any:
    if name in ("Cluster", "Zoe"):
        from . import api

        return getattr(api, name)
    if name in ("AsyncCluster", "AsyncZoe"):
        from . import aio

        return getattr(aio, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def load_ipython_extension(shell: Any) -> None:
    """Add `%zoe`, and look for this notebook's clusters before its first cell."""
    from . import extension

    extension.load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """Take back what `load_ipython_extension` did."""
    from . import extension

    extension.unload(shell)
