"""What is held of quotas, and how much more of them may be granted. No I/O, no clock.

What counts is what is granted, from the grant on; what was taken back, until it has gone; and a core that was asked for
later, since it was. The scheduler's books (`cluster.py`) never say less of anybody than those of the database, so that
what it grants is not refused there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from .allowances import Allowance, Bound, Dimension, Rules, Subject
from .holdings import HELD, Account, Amounts, Claims, Party, Spent, Wish, amounts, part
from .refusals import Refusal
from .shapes import Shape

__all__ = ["HELD", "Accounts", "Amounts", "Claims", "InForce", "Party", "Spent", "Wish", "amounts"]


class Accounts:
    """What every execution holds. All answers are at once: they cost the same, however many executions there are,
    but for `Refusal`, which is made where somebody has to be told.
    """

    def __init__(
        self, rules: Rules | None = None, spent: Mapping[Subject, Spent] | None = None, *, of_all: bool = False
    ) -> None:
        self.rules = rules or Rules()
        self.spent = dict(spent or {})
        self._of_all = of_all
        """Count also what is not limited."""
        self._accounts: dict[Subject, Account] = {}

    def live(self, party: Party) -> None:
        """There is this execution, whatever it holds. A second call changes nothing."""
        for subject in self._subjects(party):
            self._account(subject).of(party)

    def hold(self, party: Party, shape: Shape, count: int = 1) -> None:
        """So many instances more are granted to it; fewer, where `count` is negative."""
        for subject in self._holding(party):
            account = self._account(subject)
            account.add(party, Dimension.CPU, shape.cpu * count)
            account.add(party, Dimension.MEMORY, shape.memory * count)
            account.add(party, Dimension.GPU, shape.gpu * count)
            account.add(party, Dimension.INSTANCES, count)

    def let_go(self, party: Party, shape: Shape, count: int = 1) -> None:
        """So many instances more that were taken back are there still; fewer, where `count` is negative."""
        self.hold(party, shape, count)
        for subject in self._holding(party):
            going = self._account(subject).going
            for dimension in HELD:
                going[dimension] += part(shape, dimension) * count

    def lend(self, party: Party, shape: Shape, count: int = 1) -> None:
        """So many instances more of what it holds can be taken back for a core; fewer, where `count` is negative."""
        for subject in self._holding(party):
            elastic = self._account(subject).elastic
            for dimension in HELD:
                elastic[dimension] += part(shape, dimension) * count

    def lend_amounts(self, subject: Subject, held: Amounts) -> None:
        """So much more of what counts for this subject can be taken back for a core. What is negative is nothing."""
        elastic = self._account(subject).elastic
        for dimension in HELD:
            elastic[dimension] += max(0, held[dimension])

    def add(self, party: Party, more: Amounts) -> None:
        """It holds so much more, or less."""
        for subject in self._holding(party):
            for dimension, amount in more.items():
                self._account(subject).add(party, dimension, amount)

    def restore(self, subject: Subject, party: Party, held: Amounts) -> None:
        """It counts for this subject, and holds so much of what that may have."""
        account = self._account(subject)
        account.of(party)
        for dimension, amount in held.items():
            account.add(party, dimension, amount)

    def forget(self, party: Party) -> None:
        """It is gone, with all that it holds."""
        for subject in self._subjects(party):
            self._account(subject).remove(party)

    def room(self, party: Party, shape: Shape, count: int = 1) -> int:
        """How many of `count` further instances may be granted."""
        for allowance in self.rules.at_once(party.user, party.groups):
            if allowance.unread:
                return 0
            account = self._accounts.get(allowance.subject)
            for dimension, bound in allowance.bounds.items():
                if dimension is Dimension.CPU_HOURS:
                    if self._used_up(allowance, bound):
                        return 0
                elif dimension is not Dimension.EXECUTIONS:
                    each = part(shape, dimension)
                    free = bound.limit - (account.total[dimension] if account else 0)
                    if each and free < each * count:
                        count = max(0, free // each)
        return count

    def fit(self, party: Party, wishes: Iterable[Wish]) -> bool:
        """Whether all of these may be granted beside what is held."""
        return not self.rules.at_once(party.user, party.groups) or self.refusal(party, wishes) is None

    def refusal(self, party: Party, wishes: Iterable[Wish]) -> Refusal | None:
        """What is in the way of granting all of these beside what is held; None when nothing is."""
        return self.beyond(party, amounts(wishes)) or self.used_up(party)

    def beyond(self, party: Party, asked: Amounts) -> Refusal | None:
        """As `refusal`, whatever was used of hours. What is negative is given back, and never refused."""
        for allowance in self.rules.at_once(party.user, party.groups):
            if allowance.unread and any(asked[dimension] > 0 for dimension in HELD):
                return self._refusal(party, allowance, Dimension.INSTANCES, asked[Dimension.INSTANCES])
            account = self._accounts.get(allowance.subject)
            for dimension in HELD:
                bound = allowance.bounds.get(dimension)
                used = account.total[dimension] if account else 0
                if bound is not None and asked[dimension] > 0 and used + asked[dimension] > bound.limit:
                    return self._refusal(party, allowance, dimension, asked[dimension])
        return None

    def fit_firmly(self, party: Party, wishes: Sequence[Wish], claims: Claims) -> bool:
        """Whether a core may be granted once elastic instances are taken back and gone, and all claims are granted."""
        if not self.rules.at_once(party.user, party.groups):
            return True
        return next(self._firmly_beyond(party, amounts(wishes), claims), None) is None

    def beyond_firmly(self, party: Party, asked: Amounts) -> Refusal | None:
        """What is in the way of a core that takes so much, also once elastic instances are taken back and gone."""
        found = next(self._firmly_beyond(party, asked, {}), None)
        return found and self._refusal(party, *found, asked[found[1]] if found[1] in HELD else 0)

    def _firmly_beyond(self, party: Party, asked: Amounts, claims: Claims) -> Iterator[tuple[Allowance, Dimension]]:
        for allowance in self.rules.at_once(party.user, party.groups):
            if allowance.unread and any(asked.values()):
                yield allowance, Dimension.INSTANCES
            claimed = claims.get(allowance.subject)
            for dimension, bound in allowance.bounds.items():
                if dimension is Dimension.CPU_HOURS:
                    if self._used_up(allowance, bound):
                        yield allowance, dimension
                elif dimension in HELD and asked[dimension] > 0:
                    used = self._firm(allowance.subject, dimension) + (claimed[dimension] if claimed else 0)
                    if used + asked[dimension] > bound.limit:
                        yield allowance, dimension

    def over_firmly(self, party: Party, shape: Shape) -> bool:
        """As `over`, after elastic instances have been taken back."""
        return any(
            dimension is Dimension.CPU_HOURS
            or self._firm(allowance.subject, dimension) > allowance.bounds[dimension].limit
            for allowance, dimension in self._exceeded(party, shape)
        )

    def claim(self, claims: dict[Subject, dict[Dimension, int]], party: Party, wishes: Sequence[Wish]) -> Claims:
        """Add a core that waits to what is claimed. What was claimed before of the quotas in which it will count."""
        asked = amounts(wishes)
        before: dict[Subject, dict[Dimension, int]] = {}
        for subject in self._holding(party):
            claimed = claims.setdefault(subject, dict.fromkeys(HELD, 0))
            before[subject] = dict(claimed)
            for dimension in HELD:
                claimed[dimension] += asked[dimension]
        return before

    def exceeded(self, party: Party, shape: Shape) -> set[tuple[Subject, Dimension]]:
        """Of what somebody must give back something, since instances of this shape were placed."""
        return {(allowance.subject, dimension) for allowance, dimension in self._exceeded(party, shape)}

    def relieves(self, party: Party, shape: Shape, exceeded: set[tuple[Subject, Dimension]]) -> bool:
        """Whether to take an instance of this shape back helps there."""
        own = self._holding(party)
        return any(subject in own and part(shape, dimension) for subject, dimension in exceeded)

    def bears(self, party: Party, shape: Shape) -> bool:
        """Whether one that was just taken back may be kept after all."""
        for allowance in self.rules.at_once(party.user, party.groups):
            account = self._accounts.get(allowance.subject)
            for dimension in HELD:
                bound = allowance.bounds.get(dimension)
                if account and bound is not None and part(shape, dimension):
                    held = account.total[dimension] - account.going[dimension]
                    if held + part(shape, dimension) > bound.limit:
                        return False
        return True

    def settled(self, party: Party, twice: Iterable[Wish] = ()) -> bool:
        """Whether what is granted is within the limits beside what is going. `twice` is counted as both."""
        allowances = self.rules.at_once(party.user, party.groups)
        if not allowances:
            return True
        less = amounts(twice)
        for allowance in allowances:
            account = self._accounts.get(allowance.subject)
            for dimension in HELD if account else ():
                bound = allowance.bounds.get(dimension)
                if account and bound is not None and account.total[dimension] - less[dimension] > bound.limit:
                    return False
        return True

    def _firm(self, subject: Subject, dimension: Dimension) -> int:
        """What is left in use when all elastic instances have been taken back and are gone."""
        account = self._accounts.get(subject)
        if account is None:
            return 0
        return account.total[dimension] - account.going[dimension] - account.elastic[dimension]

    def growth(self, party: Party, shape: Shape, missing: int) -> Refusal | None:
        """What is in the way of the first of so many instances more; None where that one may be granted."""
        found = self.refusal(party, [(shape, 1)])
        return found and replace(found, asked=found.asked * missing)

    def never(self, party: Party, wishes: Iterable[Wish]) -> Refusal | None:
        """What is in the way of granting all of these even when everything else has ended; None when nothing is."""
        asked = amounts(wishes)
        for allowance in self.rules.at_once(party.user, party.groups):
            for dimension in HELD:
                bound = allowance.bounds.get(dimension)
                if bound is not None and asked[dimension] > bound.limit:
                    return replace(self._refusal(party, allowance, dimension, asked[dimension]), never=True)
        return None

    def refused(self, party: Party, core: Sequence[Wish]) -> Refusal | None:
        """Why an execution with this core is not taken in at all; None where it is, and may have to wait."""
        return self.another(party) or self.never(party, core) or self.used_up(party)

    def used_up(self, party: Party) -> Refusal | None:
        """What says that hours of processors are used up; None where there are some."""
        for allowance in self.rules.at_once(party.user, party.groups):
            bound = allowance.bounds.get(Dimension.CPU_HOURS)
            if bound is not None and self._used_up(allowance, bound):
                return self._refusal(party, allowance, Dimension.CPU_HOURS, 0)
        return None

    def over(self, party: Party, shape: Shape) -> bool:
        """Whether to give back instances of this shape helps: a limit was lowered, or hours are used up.

        What goes already is no reason to give back more.
        """
        return any(True for _ in self._exceeded(party, shape))

    def excess(self, party: Party, shape: Shape) -> Refusal | None:
        """What says so; None where nothing does."""
        found = next(self._exceeded(party, shape), None)
        return found and self._refusal(party, *found, 0)

    def _exceeded(self, party: Party, shape: Shape) -> Iterator[tuple[Allowance, Dimension]]:
        for allowance in self.rules.at_once(party.user, party.groups):
            account = self._accounts.get(allowance.subject)
            for dimension, bound in allowance.bounds.items():
                if dimension is Dimension.CPU_HOURS:
                    if shape.cpu and self._used_up(allowance, bound):
                        yield allowance, dimension
                elif account and dimension in HELD:
                    exceeded = account.total[dimension] - account.going[dimension] > bound.limit
                    if exceeded and part(shape, dimension):
                        yield allowance, dimension

    def another(self, party: Party) -> Refusal | None:
        """What is in the way of one more execution, which `party` would be."""
        for allowance in self.rules.of(party.user, party.groups):
            if allowance.unread:
                return self._refusal(party, allowance, Dimension.EXECUTIONS, 1)
            bound = allowance.bounds.get(Dimension.EXECUTIONS)
            account = self._accounts.get(allowance.subject)
            if bound is not None and (account.total[Dimension.EXECUTIONS] if account else 0) >= bound.limit:
                return self._refusal(party, allowance, Dimension.EXECUTIONS, 1)
        return None

    def used(self, subject: Subject, dimension: Dimension) -> int:
        """What a subject uses that has an allowance."""
        if dimension is Dimension.CPU_HOURS:
            return self.spent.get(subject, Spent()).used
        account = self._accounts.get(subject)
        return account.total[dimension] if account else 0

    def by(self, subject: Subject, dimension: Dimension) -> dict[tuple[str, str], int]:
        """The same by user and name of the execution."""
        if dimension is Dimension.CPU_HOURS:
            return dict(self.spent.get(subject, Spent()).by)
        account = self._accounts.get(subject)
        return account.by(dimension) if account else {}

    def _subjects(self, party: Party) -> tuple[Subject, ...]:
        if self._of_all:
            return Subject("user", party.user), *(Subject("group", group) for group in party.groups)
        return tuple(allowance.subject for allowance in self.rules.of(party.user, party.groups))

    def _holding(self, party: Party) -> tuple[Subject, ...]:
        if self._of_all:
            return self._subjects(party)
        allowances = self.rules.at_once(party.user, party.groups)
        return tuple([allowance.subject for allowance in allowances]) if allowances else ()

    def _account(self, subject: Subject) -> Account:
        return self._accounts.setdefault(subject, Account())

    def _used_up(self, allowance: Allowance, bound: Bound) -> bool:
        return self.used(allowance.subject, Dimension.CPU_HOURS) >= bound.limit

    def _refusal(self, party: Party, allowance: Allowance, dimension: Dimension, asked: int) -> Refusal:
        users = self.by(allowance.subject, dimension)
        own = sorted(
            ((n, used) for (u, n), used in users.items() if u == party.user), key=lambda each: (-each[1], each)
        )
        spent = self.spent.get(allowance.subject, Spent())
        return Refusal(
            allowance=allowance,
            dimension=dimension,
            used=self.used(allowance.subject, dimension),
            asked=asked,
            by=tuple(own),
            others=sum(used for (user, _), used in users.items() if user != party.user),
            name=party.name,
            free_in=spent.free_in if dimension is Dimension.CPU_HOURS else None,
        )


@dataclass(frozen=True)
class InForce:
    """The quotas that hold now, and of which the hours are used up. Equal where nothing changed for a decision."""

    rules: Rules
    spent: Mapping[Subject, Spent] = field(default_factory=dict, compare=False)
    used_up: frozenset[Subject] = frozenset()
