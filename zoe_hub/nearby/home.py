"""Which folder the service of this user and this Python environment has."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Mapping
from pathlib import Path

HUBS_TOKEN = "service-token"
"""A file that only the folder of a JupyterHub's service has."""


def own_home(environment: Mapping[str, str] = os.environ, prefix: str = sys.prefix) -> Path:
    """`ZOE_HOME`, else a folder in Jupyter's for data.

    Each Python environment has its own there: a cluster runs the packages of the environment that started it,
    and what is prepared for fast starts fits no other.
    """
    if environment.get("ZOE_HOME"):
        return Path(environment["ZOE_HOME"]).absolute()
    place = Path(prefix).resolve()
    key = hashlib.sha256(os.fsencode(place)).hexdigest()[:8]
    return _data_folder(environment) / "zoe" / f"{place.name}-{key}"


def is_a_hubs(home: Path) -> bool:
    """Whether a JupyterHub's service has this folder, which holds what belongs to many users."""
    return (home / HUBS_TOKEN).exists()


def _data_folder(environment: Mapping[str, str]) -> Path:
    if environment.get("JUPYTER_DATA_DIR"):
        return Path(environment["JUPYTER_DATA_DIR"]).absolute()
    try:
        from jupyter_core.paths import jupyter_data_dir
    except ImportError:
        data = environment.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
        return Path(data).absolute() / "jupyter"
    return Path(jupyter_data_dir()).absolute()
