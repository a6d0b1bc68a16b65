"""What ``zoe quota`` and ``zoe admin quota`` do."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from ..client.quotas import HEAD, EntryView, OwnQuotaView, QuotasView, amount
from ..model.durations import format_seconds
from ..model.errors import InvalidRequest
from ..model.quotas import GroupLimits, Limits
from ..model.validation import first_fault
from .output import emit, say, table
from .place import Place


def own(place: Place, owner: str | None, as_json: bool) -> None:
    """Print what one may have, uses, and by what."""

    async def work() -> OwnQuotaView:
        async with place.client() as client:
            return await client.quota(owner)

    found = asyncio.run(work())
    if as_json:
        emit(found.model_dump(mode="json"))
        return
    table(HEAD, found.rows(), empty="Nothing is used, and nothing is limited.")


def ls(place: Place, as_json: bool) -> None:
    """Print all quotas that were said."""

    async def work() -> QuotasView:
        async with place.administrators_client() as client:
            return await client.quotas()

    found = asyncio.run(work())
    if as_json:
        emit(found.model_dump(mode="json"))
    else:
        rows = [row for entry in found.quotas for row in _said(entry)]
        table(("of", "limits", "said in"), rows, empty="No quota was said.")
    if found.problem:
        say(f"zoe: warning: what the file said before holds, because it cannot be used: {found.problem}")


def put(place: Place, kind: str, name: str, values: Sequence[str], together: bool, as_json: bool) -> None:
    """Set what holds for a subject instead of what the file says."""
    limits = _limits(values)
    body: Limits | GroupLimits = limits

    async def work() -> EntryView:
        async with place.administrators_client() as client:
            if kind != "group":
                return await client.put_quota(kind, name, body)
            # The other half of what is stored stays as it is.
            stored = [e for e in (await client.quotas()).quotas if (e.kind, e.name) == (kind, name)]
            said = GroupLimits.model_validate(stored[0].limits if stored else {})
            half = {"together" if together else "each": limits}
            return await client.put_quota(kind, name, said.model_copy(update=half))

    entry = asyncio.run(work())
    if as_json:
        emit(entry.model_dump(mode="json"))
        return
    for of, said, _ in _said(entry):
        print(f"{of}: {said}")
    if entry.hides_file:
        say("What the file says of it does not count any more; `zoe admin quota rm` gives it back its word.")


def rm(place: Place, kind: str, name: str, as_json: bool) -> None:
    """Leave a subject to what the file says."""

    async def work() -> None:
        async with place.administrators_client() as client:
            await client.delete_quota(kind, name)

    asyncio.run(work())
    if as_json:
        emit({"kind": kind, "name": name})
    else:
        print(f"{_subject(kind, name)}: nothing is stored any more; what the file says holds, if it says something.")


def subject(user: str | None, group: str | None, everybody: bool) -> tuple[str, str]:
    """Kind and name of what was said by options. Raises InvalidRequest unless it is exactly one."""
    said = [("user", user)] * (user is not None) + [("group", group)] * (group is not None)
    said += [("everybody", "")] * everybody
    if len(said) != 1:
        raise InvalidRequest("Say for whom: --user NAME, --group NAME or --everybody, and one of them only.")
    return said[0][0], said[0][1] or ""


def _limits(values: Sequence[str]) -> Limits:
    given: dict[str, Any] = {}
    for value in values:
        name, equals, text = value.partition("=")
        if not equals or name not in Limits.model_fields:
            raise InvalidRequest(
                f"{value!r} is no limit; write NAME=VALUE, such as cpu=16 or memory=64GiB. There are: "
                f"{', '.join(Limits.model_fields)}."
            )
        if name in given:
            raise InvalidRequest(f"{name} is said twice; leave one of them out.")
        given[name] = _number(text)
    try:
        return Limits.model_validate(given)
    except ValidationError as error:
        fault = first_fault(error)
        raise InvalidRequest(f"{fault.place[0] if fault.place else 'limits'}: {fault.sentence}") from None


def _number(text: str) -> float | int | str:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _said(entry: EntryView) -> Iterator[tuple[str, str, str]]:
    source = entry.source + (", instead of the file" if entry.hides_file else "")
    if entry.unread:
        unread = f"cannot be read: {', '.join(entry.unread)}; nothing more is granted until it is set again"
        yield _subject(entry.kind, entry.name), unread, source
    if entry.kind != "group":
        yield _subject(entry.kind, entry.name), _words(entry.limits), source
        return
    for half in ("each", "together"):
        if limits := entry.limits.get(half):
            yield f"{_subject(entry.kind, entry.name)}, {half}", _words(limits), source


def _words(limits: Mapping[str, Any]) -> str:
    return (
        ", ".join(f"{name} {_value(name, value)}" for name, value in limits.items() if value is not None) or "nothing"
    )


def _value(name: str, value: Any) -> str:
    if name == "window":
        return format_seconds(value)
    return value if isinstance(value, str) else amount(name, value)


def _subject(kind: str, name: str) -> str:
    return kind if kind == "everybody" else f"{kind} {name}"
