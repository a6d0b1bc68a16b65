"""One line of a table of executions: figures that follow from what the interface answered."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from ...model.execution import DesiredState, InstanceState
from ...model.pictures import picture
from ...model.resources import Resources
from ..context import Shelves
from ..views import ExecutionView


@dataclass(frozen=True)
class Line:
    """An execution, with its instances counted."""

    view: ExecutionView
    picture: Markup
    ready: int
    granted: int
    wished: int
    holds: Resources

    @property
    def ended(self) -> bool:
        return self.view.state.ended

    @property
    def endable(self) -> bool:
        """Whether it may still be terminated."""
        return not self.ended and self.view.desired is DesiredState.RUNNING

    @classmethod
    def of(cls, view: ExecutionView, shelves: Shelves) -> Line:
        zapp = shelves.zapps.get(view.zapp)
        return cls(
            view=view,
            picture=Markup(picture(zapp.icon if zapp else "", view.plan.title or view.zapp)),
            ready=sum(instance.state is InstanceState.READY for instance in view.instances),
            granted=sum(view.granted.values()),
            wished=sum(process.core + process.elastic for process in view.plan.processes),
            holds=held_by(view),
        )


def held_by(view: ExecutionView) -> Resources:
    """What is granted to it."""
    return sum((p.resources * view.granted.get(p.key, 0) for p in view.plan.processes), Resources())
