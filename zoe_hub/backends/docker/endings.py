"""How a container ended, in words. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...model.resources import format_bytes
from ..instances import End

NOT_INSTALLED = 78
"""Exit status of a program that lacks something in its image (EX_CONFIG): another start would fail as well."""
_NOT_FOUND, _NOT_EXECUTABLE = 127, 126
_SIGNALS = 128


@dataclass(frozen=True)
class Seen:
    """A container as the engine describes it."""

    id: str
    state: str
    """created, running, paused, restarting, removing, exited, dead."""
    code: int | None = None
    out_of_memory: bool = False
    error: str = ""
    address: str | None = None

    @property
    def over(self) -> bool:
        return self.state in ("exited", "dead", "removing")

    @classmethod
    def of(cls, shown: Mapping[str, Any]) -> Seen:
        """From the engine's answer about one container."""
        state = shown["State"]
        networks = shown.get("NetworkSettings", {}).get("Networks") or {}
        addresses = [network.get("IPAddress") for network in networks.values()]
        return cls(
            id=shown["Id"],
            state=state["Status"],
            code=state.get("ExitCode") if state["Status"] in ("exited", "dead") else None,
            out_of_memory=bool(state.get("OOMKilled")),
            error=state.get("Error", ""),
            address=next((address for address in addresses if address), None),
        )


def ending(seen: Seen | None, *, program: str, memory: int) -> End:
    """What is said of a container that ended; None: the engine knows it no more."""
    if seen is None:
        return End(None, "its container was removed by somebody else")
    code = seen.code
    if code is None:
        return End(None, seen.error)
    signalled = -(code - _SIGNALS) if _SIGNALS < code <= _SIGNALS + 64 else code
    if seen.out_of_memory:
        limit = f"more than its {format_bytes(memory)} of memory"
        if signalled == -9:
            return End(signalled, f"it was killed because it wanted {limit}")
        return End(signalled, f"it ended with status {code} after a program in it was killed that wanted {limit}")
    if code == NOT_INSTALLED:
        return End(code, "something that it needs is missing in its image; its log says what", True)
    if code == _NOT_FOUND:
        return End(code, f"the program {program} was not found in its image", True)
    if code == _NOT_EXECUTABLE:
        return End(code, f"the program {program} may not be executed in its image", True)
    if seen.error:
        return End(signalled, f"the engine says: {seen.error}")
    return End(signalled)
