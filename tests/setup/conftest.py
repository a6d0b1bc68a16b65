"""Fixture: `wheel`, the built wheel of this tree, made once."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from .commands import call

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    call(sys.executable, "-m", "build", "--wheel", "--outdir", str(folder), str(ROOT))
    (built,) = folder.glob("zoe_jupyter-*.whl")
    return built
