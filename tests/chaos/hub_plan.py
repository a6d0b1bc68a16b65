"""The larger form's plan: what is wished and killed around a real Hub, as a pure function of the seed."""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import Enum

from .hub import OWNERS


class HubKind(str, Enum):
    """What a round of the larger form kills."""

    HUB = "the Hub"
    PROXY = "the proxy"
    SERVER = "a single-user server"
    SERVICE = "the service, started by the Hub"
    INSTANCE = "an instance, around a Hub"


_WEIGHTS = {HubKind.HUB: 5, HubKind.PROXY: 3, HubKind.SERVER: 6, HubKind.SERVICE: 4, HubKind.INSTANCE: 2}


@dataclass(frozen=True)
class HubRound:
    """`owner` wishes: a server that runs, and a cluster attached to it, perhaps let go again; then something dies."""

    owner: str
    workers: int
    detached: bool
    kind: HubKind
    after: float
    place: int


def make_hub_plan(seed: str, kills: int) -> tuple[HubRound, ...]:
    """The same for the same arguments. Every kind comes before any comes twice."""
    draw = random.Random(f"chaos around a hub {seed}")
    kinds: list[HubKind] = []
    rounds = []
    for number in range(kills):
        if number < len(HubKind):
            kinds = kinds or draw.sample(list(HubKind), len(HubKind))
            kind = kinds[number]
        else:
            kind = draw.choices(list(_WEIGHTS), list(_WEIGHTS.values()))[0]
        rounds.append(
            HubRound(
                owner=draw.choice(OWNERS),
                workers=draw.randint(1, 2),
                detached=draw.random() < 0.4,
                kind=kind,
                after=round(draw.uniform(0.0, 1.0), 2),
                place=draw.randrange(1000),
            )
        )
    return tuple(rounds)
