"""ZoeSpawner for servers that are containers of a Docker engine: needs the package dockerspawner."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from inspect import isawaitable
from pathlib import Path
from typing import Any

from dockerspawner import DockerSpawner  # type: ignore[import-untyped]
from traitlets import Float, Unicode

from ..client import ExecutionView, ProcessView
from ..model.errors import InvalidParameter
from . import overlay
from .form import render_images
from .mixin import ZoeMixin
from .options import ABOUT_THE_FORM
from .refusals import refuse, refuse_for

_ROLE, _OWNER, _INSTALLATION = "zoe.role", "zoe.owner", "zoe.installation"
_IMAGE = "image"
"""DockerSpawner's own option, with which users choose among `allowed_images`."""
_SHARES = 1024
"""The kernel's weight of one processor."""


class ZoeDockerSpawner(ZoeMixin, DockerSpawner):  # type: ignore[misc]
    """DockerSpawner, with the shop. Servers join the networks of their owners' clusters on the same engine."""

    zoe_installation = Unicode(
        help="What Zoe's service on the same engine calls itself, so that it knows the servers of its users. Default: "
        "what it wrote into its home folder."
    ).tag(config=True)
    zoe_home = Unicode(help="Zoe's home folder; `zoe_hub.hub.configure` sets it.").tag(config=True)
    zoe_cpu_burst = Float(
        2.0,
        min=0.0,
        help="How many times the processors of its ZApp a server may use while others leave them idle, at least one; "
        "when all are busy, they are divided by what was granted. 0: as many as there are. `cpu_limit` overrules it.",
    ).tag(config=True)

    extra_create_kwargs: Any
    extra_host_config: Any
    _zoe_shares = 0
    _zoe_created = False

    # -- what users choose

    async def zoe_options_form(self) -> str:
        """The shop, and below it the images among which the administrator lets users choose."""
        form = await super().zoe_options_form()
        images = self._get_allowed_images()
        if not isinstance(images, Mapping) or len(images) < 2:
            return form
        stored = self.user_options or (self.orm_spawner.user_options if self.orm_spawner else None) or {}
        return form + render_images(list(images), str(stored.get(_IMAGE) or ""), self._zoe_language())

    def zoe_options_from_form(self, form_data: Mapping[str, Any]) -> dict[str, Any] | Awaitable[dict[str, Any]]:
        """As in other spawners, with the image. A form that has nothing but that is DockerSpawner's own."""
        image = next((str(value) for value in form_data.get(_IMAGE, ()) if value), "")
        shop = {name: value for name, value in form_data.items() if name != _IMAGE}
        if image and not set(shop) - ABOUT_THE_FORM:
            return {_IMAGE: image}
        return self._zoe_with_image(shop, image)

    async def _zoe_with_image(self, form_data: Mapping[str, Any], image: str) -> dict[str, Any]:
        if image:
            await self.check_allowed(image)
        found = super().zoe_options_from_form(form_data)
        chosen: dict[str, Any] = await found if isawaitable(found) else found
        return {**chosen, _IMAGE: image} if image else chosen

    def _zoe_other_options(self) -> frozenset[str] | None:
        others = super()._zoe_other_options()
        return None if others is None else others | {_IMAGE}

    async def zoe_check(self, process: ProcessView) -> None:
        """Refuses an image that may not run, as DockerSpawner does when the server's turn has come."""
        chosen = (self.user_options or {}).get(_IMAGE)
        if chosen:
            if not isinstance(chosen, str):
                raise refuse_for(InvalidParameter(_IMAGE, "must be the name of an image"))
            await self.check_allowed(chosen)
        elif process.image and not overlay.is_set(self, _IMAGE):
            images = self._get_allowed_images()
            if isinstance(images, Mapping) and images and process.image not in images.values():
                raise refuse(
                    f"{process.title or process.key} has the image {process.image}, which is not among those that "
                    "DockerSpawner.allowed_images allows. Ask your administrator to add it, or choose an image."
                )

    # -- what the engine is asked for

    def zoe_references(self, view: ExecutionView) -> dict[str, str]:
        """In an image, Python is the one on PATH."""
        return {**super().zoe_references(view), "python": "python3"}

    def zoe_settings(self, process: ProcessView, references: Mapping[str, str]) -> dict[str, Any]:
        """Processors are a share, as those of clusters are: a notebook that nobody hinders need not wait."""
        settings = super().zoe_settings(process, references)
        # Also for who asked for none: the engine's own weight would be that of a whole processor.
        granted = settings.pop("cpu_limit", 0.0)
        self._zoe_shares = max(2, round(_SHARES * granted))
        if self.zoe_cpu_burst:
            settings["cpu_limit"] = max(1.0, granted * self.zoe_cpu_burst)
        return settings

    def zoe_labels(self) -> dict[str, str]:
        """By which the service finds the server; none where there is no service on the engine."""
        installation = self.zoe_installation or _read(Path(self.zoe_home) / "data" / "instances" / "installation")
        if not installation:
            return {}
        return {_INSTALLATION: installation, _ROLE: "server", _OWNER: str(self.user.name)}

    async def create_object(self) -> Any:
        """As DockerSpawner, with labels and shares added to what the administrator wants of the container."""
        self._zoe_created = True
        before = self.extra_create_kwargs, self.extra_host_config
        wanted = await self._zoe_wanted(before[0])
        host = await self._zoe_wanted(before[1])
        labels = wanted.get("labels") or {}
        if isinstance(labels, Sequence):
            labels = dict.fromkeys(labels, "")
        # The parent fills in names in braces.
        ours = {name: value.replace("{", "{{").replace("}", "}}") for name, value in self.zoe_labels().items()}
        self.extra_create_kwargs = {**wanted, "labels": {**labels, **ours}}
        self.extra_host_config = {**({"cpu_shares": self._zoe_shares} if self._zoe_shares else {}), **host}
        try:
            return await super().create_object()
        finally:
            self.extra_create_kwargs, self.extra_host_config = before

    async def start_object(self) -> None:
        """As DockerSpawner. Where it keeps containers (`remove`), what was chosen this time does not reach them."""
        if not self._zoe_created:
            self.log.warning(
                "%s starts in the container that it had before, with the image, limits and environment of then. With "
                "c.DockerSpawner.remove = True each start has what was chosen; keep users' files in volumes then.",
                self.zoe_server,
            )
        self._zoe_created = False
        await super().start_object()

    async def _zoe_wanted(self, setting: Any) -> dict[str, Any]:
        """What the administrator's setting says of this server: it may be a function."""
        found = self._eval_if_callable(setting)
        return dict((await found) if isawaitable(found) else found)


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
