"""Why an application waits, or holds less than it wishes: sentences for its owner."""

from __future__ import annotations

from collections.abc import Mapping

from ..model.resources import format_bytes
from .cluster import Application, Cluster
from .refusals import Refusal
from .requests import Demand, Request
from .shapes import Shape

START = "another application could start"
SHARE = "others get their share"


def why_waiting(cluster: Cluster, application: Application, ahead: int) -> str:
    """Of one that is not served: what it waits for, how many are before it, and what others do for it."""
    refusal = cluster.refusal(application)
    if refusal is not None:
        return str(refusal)
    said = [_obstacle(cluster, application)]
    if ahead:
        said.append(f"{ahead} ahead of you")
    given = going(cluster)
    if given:
        said.append(f"others gave back {given}")
    return "; ".join(said)


def why_short(
    request: Request,
    granted: Mapping[str, int],
    given: Mapping[str, int],
    cause: str,
    refusal: Refusal | None = None,
    *,
    in_line: bool = False,
) -> str:
    """Of one that is served: how much of its wish it has, and why; empty where it has all.

    `given` are instances that were taken back from it and not granted again, by the demand's key; `cause` says why,
    unless it is for a quota, which `refusal` names. With `in_line`, what it lacks waits for its turn, and `cause` says
    why all of it does.
    """
    said = []
    for demand in request.demands:
        wish, has = demand.core + demand.elastic, granted.get(demand.key, 0)
        if has < wish:
            back = min(given.get(demand.key, 0), wish - has)
            room = f"no room for {wish - has} more ({demand.shape} each)"
            if in_line:
                said.append(f"{has} of {several(wish, demand.title)}: {cause}")
                continue
            why = str(refusal) if refusal else f"{back} given back so that {cause}" if back else room
            said.append(f"{has} of {several(wish, demand.title)}: {why}")
    return "; ".join(said)


def what_changed(request: Request, before: Mapping[str, int], granted: Mapping[str, int], short: str) -> str:
    """Of one whose grant was changed, and not by its owner's wish: how much it has, and why. `short` is `why_short`."""
    more = [(d, granted.get(d.key, 0) - before.get(d.key, 0)) for d in request.demands]
    grown = [
        f"{granted[d.key]} of {several(d.core + d.elastic, d.title)}: {count} more, as there is room again"
        for d, count in more
        if count > 0
    ]
    # The half that grew is good news enough where another half shrank.
    return short if not grown or any(count < 0 for _, count in more) else "; ".join(grown)


def going(cluster: Cluster) -> str:
    """What was taken back from applications and is not gone yet, such as `2 workers`; empty where there is nothing."""
    counts: dict[str, int] = {}
    for application in cluster.applications.values():
        for demand in application.request.demands if application.going else ():
            count = len(application.going.get(demand.key, ()))
            if count:
                counts[demand.title] = counts.get(demand.title, 0) + count
    return " and ".join(several(count, title) for title, count in sorted(counts.items()))


def several(count: int, title: str) -> str:
    """A number of instances, as people say it."""
    # A plain word, such as Worker, is no name in the middle of a sentence; Spark Connect server is.
    word = title.lower() if title[1:].isalpha() and title[1:].islower() else title
    return f"{count} {word}" if count == 1 or word.endswith("s") else f"{count} {word}s"


def _obstacle(cluster: Cluster, application: Application) -> str:
    missing = _missing(cluster, application, soon=True)
    if missing:
        return f"waits for {missing}"
    if _missing(cluster, application):
        return "waits until what others give back is free"
    request, accounts = application.request, cluster.accounts
    # A core that was asked for later is counted already.
    fits = accounts.settled(request.party) if request.of is not None else accounts.fit(request.party, request.core_wish)
    return "waits for its turn" if fits else "waits until what gives way to it in a quota has gone"


def _missing(cluster: Cluster, application: Application, *, soon: bool = False) -> str:
    """What its core would need beside what is free; empty where it fits."""
    room, taken = cluster.room, list[tuple[int, Shape]]()
    if room.arrange(application.request.core_wish, soon=soon) is not None:
        return ""
    try:
        for demand in application.request.demands:
            for number in range(demand.core):
                node = room.find(demand.shape, soon=soon)
                if node is None:
                    return _need(cluster, demand, demand.core - number, soon=soon)
                room.take(node, demand.shape)
                taken.append((node, demand.shape))
        return ""
    finally:
        for node, shape in reversed(taken):
            room.give(node, shape)


def _need(cluster: Cluster, demand: Demand, count: int, *, soon: bool) -> str:
    shape = demand.shape
    parts = [
        (Shape(cpu=shape.cpu), f"{shape.cpu / 1000:g} CPU"),
        (Shape(memory=shape.memory), f"{format_bytes(shape.memory)} of memory"),
        (Shape(gpu=shape.gpu), f"{shape.gpu} GPU"),
    ]
    needed = [(part, text) for part, text in parts if part != Shape()]
    # Where each alone would fit somewhere, it is all of them together that no node has.
    scarce = [text for part, text in needed if cluster.room.find(part, soon=soon) is None]
    amount = " and ".join(scarce or [text for _, text in needed]) + " on one node"
    return amount if count == 1 else f"{amount}, for each of {several(count, demand.title)}"
