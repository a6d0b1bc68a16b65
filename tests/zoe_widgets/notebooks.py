"""A real kernel, driven as a notebook drives it."""

from __future__ import annotations

import os
import shutil
import site
import sys
import venv
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty
from typing import Any

from jupyter_client.manager import KernelManager

ROOT = Path(__file__).parents[2]


@dataclass
class Result:
    """What one cell gave."""

    stdout: str = ""
    stderr: str = ""
    error: str = ""
    traceback: str = ""
    value: str = ""
    pages: list[str] = field(default_factory=list)
    """Every state of everything displayed, as HTML."""
    texts: list[str] = field(default_factory=list)
    """The same as text."""
    displays: set[str] = field(default_factory=set)


def make_environment(folder: Path) -> Path:
    """The Python of an environment into which our wheel's shared data is installed."""
    venv.create(folder, with_pip=False, symlinks=True)
    shutil.copytree(ROOT / "zoe_widgets" / "ipython-config", folder / "etc" / "ipython")
    return folder / "bin" / "python"


class Notebook:
    """A kernel with an identifier that it keeps when it is restarted."""

    def __init__(self, python: Path, folder: Path, environment: dict[str, str], *, kernel: str = "k1") -> None:
        self._manager = KernelManager(connection_file=str(folder / f"kernel-{kernel}.json"))
        self._manager.kernel_spec.argv[0] = str(python)
        paths = [str(ROOT), *site.getsitepackages()]
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("ZOE_", "JUPYTERHUB_"))}
        self._environment = inherited | {
            "PYTHONPATH": os.pathsep.join(paths),
            "IPYTHONDIR": str(folder / "ipython"),
            **environment,
        }

    def __enter__(self) -> Notebook:
        self._manager.start_kernel(env=self._environment, stderr=sys.stderr)
        self._open()
        return self

    def __exit__(self, *_: object) -> None:
        self._client.stop_channels()
        self._manager.shutdown_kernel(now=True)

    def _open(self) -> None:
        self._client = self._manager.client()
        self._client.start_channels()
        self._client.wait_for_ready(timeout=60)

    def restart(self) -> None:
        self._client.stop_channels()
        self._manager.restart_kernel(now=True)
        self._open()

    def begin(self, code: str) -> str:
        """Start a cell; `end` waits for it."""
        return str(self._client.execute(code))

    def interrupt(self) -> None:
        self._manager.interrupt_kernel()

    def end(
        self, message: str, *, until_page: str | None = None, until_stdout: str | None = None, timeout: float = 60
    ) -> Result:
        """What a cell gave, when it has ended or, with `until_…`, as soon as it shows that."""
        result = Result()
        while True:
            try:
                said: dict[str, Any] = self._client.get_iopub_msg(timeout=60)
            except Empty:
                raise AssertionError(f"the cell did not end; so far: {result}") from None
            if said["parent_header"].get("msg_id") != message:
                continue
            content = said["content"]
            match said["msg_type"]:
                case "stream":
                    setattr(result, content["name"], getattr(result, content["name"]) + content["text"])
                    if until_stdout is not None and until_stdout in result.stdout:
                        return result
                case "error":
                    result.error = f"{content['ename']}: {content['evalue']}"
                    result.traceback = "\n".join(content["traceback"])
                case "execute_result":
                    result.value = content["data"].get("text/plain", "")
                    result.pages.append(content["data"].get("text/html", ""))
                case "display_data" | "update_display_data":
                    result.pages.append(content["data"].get("text/html", ""))
                    result.texts.append(content["data"].get("text/plain", ""))
                    result.displays.add(content.get("transient", {}).get("display_id", ""))
                    if until_page is not None and until_page in result.pages[-1]:
                        return result
                case "status" if content["execution_state"] == "idle":
                    return result

    def run(self, code: str) -> Result:
        """Run a cell to its end."""
        return self.end(self.begin(code))

    def value(self, expression: str) -> str:
        """What an expression is, as text; fails when it raises."""
        result = self.run(expression)
        assert not result.error, result.traceback
        return result.value
