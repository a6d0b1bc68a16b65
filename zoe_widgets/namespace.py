"""The user's namespace, and which of its names are ours."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any


def user_namespace() -> MutableMapping[str, Any]:
    """What cells see; outside of IPython, the main program's globals."""
    interactive = sys.modules.get("IPython.core.getipython")
    shell = interactive.get_ipython() if interactive is not None else None
    if shell is not None:
        namespace: MutableMapping[str, Any] = shell.user_ns
        return namespace
    return vars(sys.modules["__main__"])


def bind(names: Mapping[str, Any], *, over: Mapping[str, Any] | None = None) -> None:
    """Put names into the namespace. With `over`, leave alone what is there and none of its values."""
    namespace = user_namespace()
    for name, value in names.items():
        if over is None or name not in namespace or namespace[name] is over.get(name):
            namespace[name] = value


def unbind(names: Mapping[str, Any]) -> None:
    """Remove the names that still mean these values."""
    namespace = user_namespace()
    for name, value in names.items():
        if namespace.get(name) is value:
            del namespace[name]


def ours(names: Mapping[str, Any]) -> list[str]:
    """The names that still mean these values."""
    namespace = user_namespace()
    return [name for name, value in names.items() if namespace.get(name) is value]


def listed(names: Iterable[str]) -> str:
    """Names as a sentence writes them: `a`, `b` and `c`."""
    quoted = [f"`{name}`" for name in names]
    return " and ".join([", ".join(quoted[:-1]), quoted[-1]]) if len(quoted) > 1 else "".join(quoted)
