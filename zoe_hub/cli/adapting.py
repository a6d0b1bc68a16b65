"""The command about clusters that follow their load, and how that is shown."""

from __future__ import annotations

import asyncio

from ..client import ExecutionView
from ..model.adaptation import Adaptation
from ..model.durations import parse_span
from ..model.errors import InvalidParameter, InvalidRequest
from .output import emit
from .place import Place


def adapt(
    place: Place, name: str, minimum: int | None, maximum: int | None, hold: str | None, off: bool, as_json: bool
) -> None:
    """Let an execution follow its load, or not any more."""
    said = {"--min": minimum, "--max": maximum, "--hold": hold}
    beside = [option for option, value in said.items() if value is not None]
    if off and beside:
        raise InvalidRequest(f"--off ends it, whatever the bounds. Leave out {', '.join(beside)}, or --off.")
    if not off and (minimum is None or maximum is None):
        raise InvalidRequest("Give --min and --max, or --off.")

    async def work() -> None:
        async with place.client() as client:
            if minimum is None or maximum is None:
                view = await client.adapt_no_more(name)
            else:
                view = await client.adapt(name, _bounds(minimum, maximum, hold))
        if as_json:
            emit(view.model_dump(mode="json"))
        elif view.adaptation is None:
            print(f"{view.name} stays at {view.number}.")
        else:
            print(f"{view.name} follows its load: {view.adaptation}.")

    asyncio.run(work())


def _bounds(minimum: int, maximum: int, hold: str | None) -> Adaptation:
    try:
        return Adaptation(minimum=minimum, maximum=maximum, hold=None if hold is None else parse_span(hold))
    except ValueError as error:
        raise InvalidParameter("hold", str(error)) from None


def following(view: ExecutionView) -> str:
    """Between which sizes it follows its load, and what came of that last."""
    if view.state.ended or view.adaptation is None:
        return "" if view.state.ended else view.adapted
    return f"{view.adaptation}" + (f" ({view.adapted})" if view.adapted else "")
