"""Our own policy: everyone starts as soon as a core fits, and the machines stay full.

The rules, each with where it is from; a moment is one value of `now`:

1. **Core first.** The line is gone through in order of urgency. Whose core fits beside the cores that are served
   starts, and elastic instances are taken back for it: anybody's, in reverse order of urgency, and only as many as
   needed. There is no saturation test, unlike in *Flexible Scheduling of Distributed Analytic Applications* (Pace,
   Venzano, Carra, Michiardi; CCGrid 2017). A core is placed all or none, and never taken back. Where a quota allows a
   core only without elastic instances that count there, these are taken back too.
2. **Overdue first.** Who has waited for longer than `bound` comes before all others, in order of submission. Its core
   counts in its quotas before that of those behind it. The first that does not fit is given certain nodes, on which
   no other core takes what is free; all else goes on. It is given others when it has waited for `bound` again.
3. **Backfill.** Behind a head that is not overdue others may start that end before it can, or that leave it the room
   reserved for it (EASY: Lifka 1995; Mu'alem and Feitelson 2001). Ends are as late as they can be with cores alone, so
   that nothing that is taken back moves them. What outlived its statement may run for any time, and statements about
   what people work with let nobody overtake. Where nobody knows when the head can start, nothing is reserved for it
   until it is overdue.
4. **Fairness.** Classes come first. In a class, the user whose weighted dominant share is smallest comes first, and
   the order counts among the applications of one user (dominant-resource fairness by progressive filling: Ghodsi et
   al., NSDI 2011, sections 4 and 4.3). For cores, shares of cores count: elastic instances are divided anew.
5. **Elastic instances.** What is left goes by the same urgency, `batch` at a time. Who got too little may take from
   lower classes, and in its class from a user who still holds at least as large a share afterwards, but not what was
   granted less than `hold` ago: one instance at a time, where one more of it fits in that one's place. Applications of
   one user and class take no elastic instances from each other: the order counts for what is free. To take for the
   order too, or several for one, made no turnaround better and meant three times as many restarts.
   Who found nothing looks again after `hold`, then after twice as long, and so on up to 32 times; after it was granted
   or lost something, or wishes something else, after `hold`. Those of one user and class look in the order of the time
   at which they want to; after a few that found nothing, the others look after `hold` too.
6. **Node by node.** An instance fits where one node has room in all dimensions (`packing.py`). Core instances that
   lost their node come before everything in line, and the first of them is given nodes as who is overdue is; a core
   that is asked for later waits in line. Elastic instances on a node that was declared smaller are taken back until
   the rest fits.
7. **Draining.** A core that was given room, or a part of a quota, which is not free yet keeps it, and is told when it
   is free. What is going is promised to the most urgent that it would fit. A process of which instances are going does
   not grow.
"""

from __future__ import annotations

import math

from ..cluster import Cluster
from ..draining import unsettled
from ..elastic.books import Books
from ..elastic.cores import Cores
from ..elastic.division import Division
from ..elastic.settings import Settings
from .possible import Possible

__all__ = ["Elastic", "Settings"]


class Elastic:
    """Core first, elastic instances by urgency, with hysteresis; EASY backfill; dominant-resource fairness.

    It keeps books of one cluster, from its first decision on.
    """

    name = "elastic"
    cores_first = True

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()
        self._possible = Possible(whole=False)
        self._books: Books | None = None
        self._put_off: dict[tuple[int, str, float], float] = {}
        """By group, until when nobody of it looks for what others could give back."""
        self._decided_at = -math.inf

    def schedule(self, cluster: Cluster, now: float) -> None:
        books = self._books
        if now < self._decided_at:
            # The clock was set back.
            self._put_off.clear()
        if books is None or books.cluster is not cluster or books.room is not cluster.room:
            if books is not None:
                books.close()
            self._books = books = Books(cluster, self.settings, self._possible, self._put_off)
        self._decided_at = now
        books.begin(now)
        cores = Cores(books)
        cores.fit_nodes()
        cores.keep_plans()
        while cores.start_next():
            pass
        books.held_back.update(application.id for application in unsettled(cluster))
        Division(books).divide()

    def due(self, cluster: Cluster, now: float) -> float | None:
        """When somebody becomes overdue, or looks again for what others could give back, since the last decision."""
        books = self._books
        if books is None or books.cluster is not cluster:
            return None
        times = [books.next_look(self._decided_at), books.next_overdue(self._decided_at)]
        return min((time for time in times if time is not None and time < math.inf), default=None)
