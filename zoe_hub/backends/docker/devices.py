"""Which graphics processors are given to whom. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ...model.errors import LaunchFailed


class Devices:
    """Hands out each of them once."""

    def __init__(self, all_of_them: Sequence[str]) -> None:
        self._all = list(all_of_them)
        self._taken: set[str] = set()

    def keep(self, devices: Iterable[str]) -> None:
        """Of an instance that was there before."""
        self._taken.update(devices)

    def take(self, count: int) -> list[str]:
        """Raises LaunchFailed where there are not so many left."""
        free = [device for device in self._all if device not in self._taken]
        if len(free) < count:
            raise LaunchFailed(
                f"it wants {count} graphics processors, and {len(free)} of the {len(self._all)} that c.ZoeDocker.gpus "
                "names are free"
            )
        self._taken.update(free[:count])
        return free[:count]

    def give_back(self, devices: Iterable[str]) -> None:
        """Their instance is gone."""
        self._taken.difference_update(devices)
