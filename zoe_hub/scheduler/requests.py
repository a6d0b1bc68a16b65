"""What is asked of the scheduler, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from .quotas import Party, Wish
from .shapes import Shape


@dataclass(frozen=True)
class Demand:
    """What one process asks for. Its instances are alike."""

    key: str
    """Unique in the request."""
    title: str
    """For people: what one instance is called."""
    core: int
    """Instances without which the application does not run."""
    elastic: int
    """Instances beyond those that make it faster."""
    shape: Shape
    """Of one instance."""


@dataclass(frozen=True)
class Request:
    """One application, as it was submitted or last changed."""

    id: str
    user: str
    submitted: float
    """Seconds by the clock of whoever calls."""
    demands: tuple[Demand, ...]
    priority: int = 0
    """Class of urgency: a higher one comes first. Interactive work is `INTERACTIVE`, batch `BATCH`."""
    size: float | None = None
    """Estimated seconds of its run with everything granted; None where nobody can know, as of a notebook."""
    groups: tuple[str, ...] = ()
    weight: float = 1.0
    """Of its user, where users share: with 2, twice the share of one with 1."""
    name: str = ""
    """What its owner calls it; in sentences about quotas."""
    of: Request | None = None
    """This is core that a served application asked for later: what that one wishes altogether."""

    @cached_property
    def party(self) -> Party:
        """For whom quotas are asked."""
        if self.of is not None:
            return self.of.party
        return Party(self.id, self.name or self.id, self.user, self.groups)

    @cached_property
    def core_wish(self) -> tuple[Wish, ...]:
        """Its core instances, as quotas are asked about them."""
        return tuple((demand.shape, demand.core) for demand in self.demands if demand.core)

    @cached_property
    def core(self) -> int:
        """Core instances of all processes: C in the paper."""
        return sum(demand.core for demand in self.demands)

    @cached_property
    def elastic(self) -> int:
        """Elastic instances of all processes: E in the paper."""
        return sum(demand.elastic for demand in self.demands)

    @cached_property
    def core_shape(self) -> Shape:
        """What all its core instances take together."""
        total = Shape()
        for demand in self.demands:
            total = total.plus(demand.shape, demand.core)
        return total

    @cached_property
    def volume(self) -> float:
        """Instances by processors by GiB of memory."""
        return sum((d.core + d.elastic) * (d.shape.cpu / 1000) * (d.shape.memory / 1024**3) for d in self.demands)

    @cached_property
    def whole_shape(self) -> Shape:
        """What all its instances take together."""
        total = Shape()
        for demand in self.demands:
            total = total.plus(demand.shape, demand.core + demand.elastic)
        return total


BATCH = 0
INTERACTIVE = 10


@dataclass(frozen=True)
class Decision:
    """What changes for one application. The same as before is no decision."""

    id: str
    admitted: bool
    granted: Mapping[str, int] = field(default_factory=dict)
    """Instances, core and elastic, by the demand's key. Fewer than before: the last ones are taken back."""
    reason: str = ""
    """For its owner: why it waits, has less than it asked for, or was given more or less than before."""
