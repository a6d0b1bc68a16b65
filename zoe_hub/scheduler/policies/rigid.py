"""All or nothing: the baseline that the paper compares with."""

from __future__ import annotations

from ..cluster import Application, Cluster


class Rigid:
    """The head of the line needs its core and its elastic instances at once; nobody overtakes it."""

    name = "rigid"

    def schedule(self, cluster: Cluster, now: float) -> None:
        for application in cluster.waiting(now):
            if not self._place_all(cluster, application, now):
                return

    @staticmethod
    def _place_all(cluster: Cluster, application: Application, now: float) -> bool:
        if not cluster.admit(application, now):
            return False
        for demand in application.request.demands:
            for _ in range(demand.elastic):
                if not cluster.grant(application, demand, now):
                    cluster.withdraw(application)
                    return False
        return True
