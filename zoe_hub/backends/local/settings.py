"""Settings of the local back end."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class LocalSettings:
    """Where instances live and how much of the machine Zoe may hand out."""

    folder: Path
    """Everything of the instances, theirs alone (0700). On a local disk: locks must work."""
    framework_folder: Callable[[str], Path]
    """Where the files of a framework are: ``${framework.folder}``."""
    cache_folder: Path
    """Its subfolder named after the framework is ``${cache}``."""
    host: str = "127.0.0.1"
    """The address on which instances listen."""
    cpus: float | None = None
    """Processors to hand out. None: those that this service may use, times `cpu_overcommit`."""
    memory: int | None = None
    """Bytes to hand out. None: what the machine has, or the control group allows."""
    cpu_overcommit: float = 8.0
    """How often each processor is handed out when `cpus` is None."""
    log_limit: int = 64 * 2**20
    """Bytes that the log of one instance may take on the disk. 0: as many as there are."""
    python: str = sys.executable
    """``${python}``; its folder comes first on the instances' PATH."""
