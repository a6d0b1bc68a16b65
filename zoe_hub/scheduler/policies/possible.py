"""What could be placed if nothing else ran."""

from __future__ import annotations

from weakref import WeakKeyDictionary

from ..cluster import Application, Cluster
from ..requests import Request
from ..room import Room
from ..shapes import Shape


class Possible:
    """Tells which applications no end of others would help, so that they do not block the line for ever.

    Answers are remembered while an application's request and the nodes stay the same.
    """

    def __init__(self, *, whole: bool) -> None:
        self._whole = whole
        """Of the elastic instances too, not of the core alone."""
        self._capacities: list[Shape] = []
        self._known: WeakKeyDictionary[Application, tuple[Request, bool]] = WeakKeyDictionary()

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
        """The same, whatever quotas say. The answer is not remembered."""
        self._set(room)
        return self._fits(request)

    def _set(self, room: Room) -> None:
        # A room keeps its capacities: to compare all of them each time would be slow.
        if self._capacities is not room.capacities:
            self._capacities = room.capacities
            self._known.clear()

    def _fits(self, request: Request) -> bool:
        # Beside the core that it has, what is asked for later has to fit too.
        request = request.of or request
        wanted = [(d.shape, d.core + d.elastic if self._whole else d.core) for d in request.demands]
        return _fits_surely(self._capacities, wanted) or self._fits_in_turn(request)

    def _fits_in_turn(self, request: Request) -> bool:
        """Place one after the other, as a policy does."""
        room = Room(self._capacities)
        cores = [(demand.shape, demand.core) for demand in request.demands]
        elastic = [(demand.shape, demand.elastic) for demand in request.demands] if self._whole else []
        for shape, count in [*cores, *elastic]:
            for _ in range(count):
                node = room.find(shape)
                if node is None:
                    return False
                room.take(node, shape)
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
