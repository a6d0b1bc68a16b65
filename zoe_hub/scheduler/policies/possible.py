"""What could be placed if nothing else ran."""

from __future__ import annotations

from weakref import WeakKeyDictionary

from ..cluster import Application, Cluster
from ..level import Level
from ..packing import arrange
from ..requests import Request
from ..room import Room
from ..shapes import Shape

_REMEMBERED = 4096
"""Answers."""


class Possible:
    """Tells which applications no end of others would help, so that they do not block the line for ever.

    Answers are remembered, for each application and for equal demands, while the nodes stay the same.
    """

    def __init__(self, *, whole: bool) -> None:
        self._whole = whole
        """Of the elastic instances too, not of the core alone."""
        self._capacities: list[Shape] = []
        self._known: WeakKeyDictionary[Application, tuple[Request, bool]] = WeakKeyDictionary()
        self._answers: dict[tuple[tuple[Shape, int, int], ...], bool] = {}
        """By what is demanded: of what a shop offers, many demand the same."""

    def __call__(self, cluster: Cluster, application: Application) -> bool:
        """Whether its core, or all of it, fits on the nodes with nothing on them, and no quota hinders it."""
        if application.id in cluster.hindered:
            return False
        self._set(cluster.room)
        known = self._known.get(application)
        if known is None or known[0] is not application.request:
            known = application.request, self._fits(application.request)
            self._known[application] = known
        return known[1]

    def ever(self, room: Room, request: Request) -> bool:
        """The same, whatever quotas say."""
        self._set(room)
        return self._fits(request)

    def _set(self, room: Room) -> None:
        # A room keeps its capacities: to compare all of them each time would be slow.
        if self._capacities is not room.capacities:
            self._capacities = room.capacities
            self._known.clear()
            self._answers.clear()

    def _fits(self, request: Request) -> bool:
        # Beside the core that it has, what is asked for later has to fit too.
        request = request.of or request
        demanded = tuple((d.shape, d.core, d.elastic if self._whole else 0) for d in request.demands)
        answer = self._answers.get(demanded)
        if answer is None:
            if len(self._answers) >= _REMEMBERED:
                self._answers.clear()
            wanted = [(shape, core + elastic) for shape, core, elastic in demanded]
            answer = _fits_surely(self._capacities, wanted) or self._fits_empty(request)
            self._answers[demanded] = answer
        return answer

    def _fits_empty(self, request: Request) -> bool:
        """Place the core together and elastic instances one after the other, as a policy does."""
        level = Level(self._capacities)
        places = arrange(level, request.core_wish)
        if places is None or not self._whole:
            return places is not None
        for (shape, _), nodes in zip(request.core_wish, places, strict=True):
            for node in nodes:
                level.add(node, shape, -1)
        for demand in request.demands:
            for _ in range(demand.elastic):
                free = level.first(demand.shape)
                if free is None:
                    return False
                level.add(free, demand.shape, -1)
        return True


def _fits_surely(capacities: list[Shape], wanted: list[tuple[Shape, int]]) -> bool:
    """Whether as many instances fit if each were as large as the largest, in each dimension."""
    left = sum(count for _, count in wanted)
    if left == 0:
        return True
    largest = Shape(*(max(parts) for parts in zip(*(shape for shape, count in wanted if count), strict=True)))
    for capacity in capacities:
        left -= min((have // need for have, need in zip(capacity, largest, strict=True) if need > 0), default=left)
        if left <= 0:
            return True
    return False
