"""Running a framework's client module in this kernel."""

from __future__ import annotations

import linecache
import sys
import types
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from zoe_hub.client.views import ClientView, ConnectionView
from zoe_hub.model.errors import ServiceUnavailable


@dataclass(eq=False)
class Link:
    """One connected framework: its client module and the names that `connect` returned."""

    framework: str
    module: types.ModuleType
    names: dict[str, Any] = field(default_factory=dict, repr=False)

    def disconnect(self) -> None:
        """Close the connection. The names are of no use afterwards."""
        self.module.disconnect(self.names)

    def alive(self) -> bool:
        """Whether the connection still works, as far as the module can tell; false when it cannot."""
        alive = getattr(self.module, "alive", None)
        return bool(alive(self.names)) if alive is not None else False


def connect(connection: ConnectionView) -> list[Link]:
    """Connect to every framework of an execution. Raises ServiceUnavailable, and leaves none connected."""
    links: list[Link] = []
    try:
        for client in connection.clients:
            module = load(client)
            links.append(Link(client.framework, module, dict(module.connect(dict(client.connection)))))
    except BaseException as error:
        disconnect(links)
        if isinstance(error, ModuleNotFoundError):
            raise ServiceUnavailable(
                f"{connection.name} runs, but this kernel cannot connect to it: the Python package {error.name!r} is "
                f"missing in {sys.prefix}."
            ) from error
        if isinstance(error, Exception):
            kind = "" if isinstance(error, (ImportError, ConnectionError)) else f"{type(error).__name__}: "
            raise ServiceUnavailable(
                f"{connection.name} runs, but this kernel cannot connect to it: {kind}{error}"
            ) from error
        raise
    return links


def disconnect(links: Sequence[Link]) -> str:
    """Disconnect all, the last connected first. Returns what went wrong, for people; mostly nothing."""
    wrong = []
    for link in reversed(links):
        try:
            link.disconnect()
        except Exception as error:  # another's code; the cluster goes or is gone all the same
            wrong.append(f"{link.framework}: {type(error).__name__}: {error}")
    return "; ".join(wrong)


def load(client: ClientView) -> types.ModuleType:
    """The client's module, run afresh; known as ``zoe_frameworks.NAME`` while it is the newest of its framework."""
    name = f"zoe_frameworks.{client.framework.replace('-', '_')}"
    filename = f"<{name}/{client.module}>"
    module = types.ModuleType(name)
    module.__file__ = filename
    linecache.cache[filename] = (len(client.source), None, client.source.splitlines(keepends=True), filename)
    sys.modules[name] = module
    exec(compile(client.source, filename, "exec"), module.__dict__)
    return module
