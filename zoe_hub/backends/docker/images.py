"""Which images may run, and how they come to the engine."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import os
import time
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from ...model.errors import InvalidDocument, LaunchFailed
from ...model.resources import format_bytes
from ..instances import Tell
from . import image_names
from .engine import Engine, EngineRefused
from .settings import DockerSettings

_TELL_EVERY = 1.0
"""Seconds between two words about a pull: each is stored and shown."""
_HUB = "https://index.docker.io/v1/"


class Images:
    """What the administrator allows, pulled once for all who wait for it."""

    def __init__(self, engine: Engine, settings: DockerSettings) -> None:
        self._engine = engine
        self._settings = settings
        self._pulls: dict[str, asyncio.Task[None]] = {}
        self._listeners: dict[str, set[Tell]] = {}

    def choose(self, named: str, process: str) -> str:
        """The image to run. Raises InvalidDocument where it is not allowed, or none is named.

        A pattern has to fit the name as it is written: another spelling of it is another name.
        """
        image = named or self._settings.default_image
        if not image:
            raise InvalidDocument(f"{process} names no image, and c.ZoeDocker.default_image is not set")
        image_names.check(image)
        allowed = self._settings.allowed_images
        if allowed and not any(fnmatchcase(image, pattern) for pattern in allowed):
            raise InvalidDocument(f"the image {image} is not among those that c.ZoeDocker.allowed_images allows")
        return image

    async def ensure(self, image: str, tell: Tell) -> str:
        """Have it on the engine; what to ask the engine for. Raises LaunchFailed where it cannot be had."""
        pinned = self.pinned(image)
        if pinned != image:
            return await self._ensure_pinned(image, pinned, tell)
        await self._ensure(image, tell, self._settings.pull_policy)
        return image

    def pinned(self, image: str) -> str:
        """By its content, where the administrator's file says which that is, in any spelling. Raises LaunchFailed."""
        lock = self._settings.images_lock
        if not lock:
            return image
        try:
            known = json.loads(Path(lock).read_text())
            wanted = image_names.spelled_out(image)
            return next((str(what) for name, what in known.items() if image_names.spelled_out(name) == wanted), image)
        except (OSError, ValueError, AttributeError) as error:
            raise LaunchFailed(f"c.ZoeDocker.images_lock names {lock}, which cannot be read: {error}") from error

    async def _ensure_pinned(self, image: str, pinned: str, tell: Tell) -> str:
        if await self._engine.has_image(pinned):
            return pinned
        if "@" not in pinned or self._settings.pull_policy == "never":
            raise InvalidDocument(
                f"the image {image} is to be {pinned} by {self._settings.images_lock}, which is not on the engine: "
                "build it there, or bring the file up to date"
            )
        await self._ensure(pinned, tell, "missing")
        return pinned

    async def _ensure(self, image: str, tell: Tell, policy: str) -> None:
        if policy != "always" and await self._engine.has_image(image):
            return
        if policy == "never":
            raise InvalidDocument(
                f"the image {image} is not on the engine, and c.ZoeDocker.pull_policy is 'never': pull or build it"
            )
        listeners = self._listeners.setdefault(image, set())
        listeners.add(tell)
        try:
            if image not in self._pulls:
                self._pulls[image] = asyncio.create_task(self._pull(image))
                self._pulls[image].add_done_callback(lambda _: self._pulls.pop(image, None))
            # Who gives up waiting does not take it from the others.
            await asyncio.shield(self._pulls[image])
        finally:
            listeners.discard(tell)

    async def close(self) -> None:
        """Stop asking; what the engine has begun to pull, it keeps."""
        pulls = list(self._pulls.values())
        for pull in pulls:
            pull.cancel()
        await asyncio.gather(*pulls, return_exceptions=True)

    async def _pull(self, image: str) -> None:
        layers: dict[str, tuple[int, int]] = {}
        told = 0.0
        self._say(image, f"its image {image} is being pulled")
        try:
            async for message in self._engine.pull(image, credentials(image)):
                note(layers, message)
                if time.monotonic() - told >= _TELL_EVERY and (progress := words(layers)):
                    told = time.monotonic()
                    self._say(image, f"its image {image} is being pulled: {progress}")
        except EngineRefused as error:
            if await self._engine.has_image(image):
                # A registry that is away must not stop what is there.
                return
            raise LaunchFailed(f"its image {image} could not be pulled. {error}") from error

    def _say(self, image: str, text: str) -> None:
        for tell in list(self._listeners.get(image, ())):
            tell(text)


def note(layers: dict[str, tuple[int, int]], message: dict[str, Any]) -> None:
    """Take in one of the engine's messages on a pull."""
    layer, detail = message.get("id"), message.get("progressDetail") or {}
    if not layer:
        return
    status = message.get("status")
    if status == "Downloading" and detail.get("total"):
        layers[layer] = (int(detail.get("current", 0)), int(detail["total"]))
    elif status in ("Download complete", "Pull complete") and layer in layers:
        layers[layer] = (layers[layer][1], layers[layer][1])


def words(layers: dict[str, tuple[int, int]]) -> str:
    """How far a pull is, of what is known of it."""
    total = sum(whole for _, whole in layers.values())
    if not total:
        return ""
    return f"{format_bytes(sum(done for done, _ in layers.values()))} of {format_bytes(total)}"


def credentials(image: str) -> dict[str, str] | None:
    """What ``docker login`` kept for the image's registry in the service's own configuration; None without."""
    folder = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
    try:
        auths = json.loads((folder / "config.json").read_text()).get("auths") or {}
    except (OSError, ValueError, AttributeError):
        return None
    registry = image_names.registry_of(image)
    for name in (registry, f"https://{registry}", _HUB if registry == "docker.io" else registry):
        try:
            user, _, password = base64.b64decode(auths[name]["auth"]).decode().partition(":")
        except (KeyError, TypeError, binascii.Error, UnicodeDecodeError):
            continue
        return {"username": user, "password": password}
    return None
