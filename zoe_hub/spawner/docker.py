"""ZoeSpawner for servers that are containers of a Docker engine: needs the package dockerspawner."""

from __future__ import annotations

from inspect import isawaitable
from pathlib import Path
from typing import Any

from dockerspawner import DockerSpawner  # type: ignore[import-untyped]
from traitlets import Unicode

from ..client import ExecutionView
from .mixin import ZoeMixin

_ROLE, _OWNER, _INSTALLATION = "zoe.role", "zoe.owner", "zoe.installation"


class ZoeDockerSpawner(ZoeMixin, DockerSpawner):  # type: ignore[misc]
    """DockerSpawner, with the shop. Servers join the networks of their owners' clusters on the same engine."""

    zoe_installation = Unicode(
        help="What Zoe's service on the same engine calls itself, so that it knows the servers of its users. Default: "
        "what it wrote into its home folder."
    ).tag(config=True)
    extra_create_kwargs: Any
    zoe_home = Unicode(help="Zoe's home folder; `zoe_hub.hub.configure` sets it.").tag(config=True)

    def zoe_references(self, view: ExecutionView) -> dict[str, str]:
        """In an image, Python is the one on PATH."""
        return {**super().zoe_references(view), "python": "python3"}

    def zoe_labels(self) -> dict[str, str]:
        """By which the service finds the server; none where there is no service on the engine."""
        installation = self.zoe_installation or _read(Path(self.zoe_home) / "data" / "instances" / "installation")
        if not installation:
            return {}
        return {_INSTALLATION: installation, _ROLE: "server", _OWNER: str(self.user.name)}

    async def create_object(self) -> Any:
        """As DockerSpawner, with the labels added to what the administrator wants of the container."""
        before = self.extra_create_kwargs
        wanted = self._eval_if_callable(before)
        wanted = dict((await wanted) if isawaitable(wanted) else wanted)
        labels = wanted.get("labels") or {}
        if not isinstance(labels, dict):
            labels = dict.fromkeys(labels, "")
        # The parent fills in names in braces.
        ours = {name: value.replace("{", "{{").replace("}", "}}") for name, value in self.zoe_labels().items()}
        self.extra_create_kwargs = {**wanted, "labels": {**labels, **ours}}
        try:
            return await super().create_object()
        finally:
            self.extra_create_kwargs = before


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
