"""Quotas, as administrators see and set them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from ...model.errors import InvalidParameter, InvalidRequest, ZoeError
from ...model.quotas import UNLIMITED, GroupLimits, Limits
from ...model.resources import exact_bytes
from ...model.validation import first_fault
from .. import scopes
from ..access import lacks
from ..api.quotas import (
    delete_everybodys_quota,
    delete_groups_quota,
    delete_users_quota,
    get_groups_quota,
    get_users_quota,
    list_quotas,
    put_everybodys_quota,
    put_groups_quota,
    put_users_quota,
)
from ..callers import Caller
from ..problems import problem_of
from ..quota_views import EntryView, SubjectQuotaView
from .everybody import everybodys_events
from .page import Page, Run, address

_TEXTS = ("memory", "window")
_PUT: Mapping[str, Run] = {"everybody": put_everybodys_quota, "user": put_users_quota, "group": put_groups_quota}
_DELETE: Mapping[str, Run] = {
    "everybody": delete_everybodys_quota, "user": delete_users_quota, "group": delete_groups_quota,
}  # fmt: skip
_HALVES = {"user": ("",), "everybody": ("",), "group": ("each", "together")}


class QuotaPage(Page):
    """A page for who sets quotas."""

    def check(self, caller: Caller) -> None:
        if not scopes.holds_for_all(caller.scopes, scopes.ADMIN_QUOTAS):
            raise lacks(scopes.ADMIN_QUOTAS)

    def events(self, caller: Caller) -> str | None:
        """Where everybody's events are told, if this caller hears of them: what is used changes with them."""
        return everybodys_events(self.context.prefix) if caller.admin else None


class Quotas(QuotaPage):
    """All that was said of quotas, and where."""

    template = "quotas.html"

    async def values(self, caller: Caller, **path: str) -> dict[str, Any]:
        return {
            "quotas": await self.ask(list_quotas, caller),
            "dimensions": list(Limits.model_fields),
            "events": self.events(caller),
        }


class EditQuota(QuotaPage):
    """What one subject may have and uses, with a form to change it."""

    template = "quota.html"
    audits = True
    _run: Run | None = None

    @property
    def operation_name(self) -> str:
        return self._run.__name__ if self._run is not None else "edit_quota"

    @property
    def audit_target(self) -> str:
        # Also of a request that was refused because it cannot be read.
        return self.request.arguments.get("name", [b""])[-1].decode("utf-8", "replace").strip()

    async def get(self, **path: str) -> None:
        # To look changes nothing.
        self.audits = False
        await super().get(**path)

    async def values(self, caller: Caller, **path: str) -> dict[str, Any]:
        kind, name = self._subject()
        return await self._shown(caller, kind, name)

    async def post(self, **path: str) -> None:
        caller = await self.require_caller()
        if caller is None:
            return
        self.check(caller)
        kind, name = self._subject()
        removes = bool(self.get_body_argument("remove", ""))
        self._run = (_DELETE if removes else _PUT)[kind]
        try:
            body = None if removes else self._limits(kind)
            await self.ask(self._run, caller, path={"name": name}, body=body)
        except ZoeError as error:
            problem, _ = problem_of(error)
            if problem.status not in (404, 422):
                raise
            self.show(
                self.template,
                {**await self._shown(caller, kind, name), "wrong": problem.detail, "given": self._given(kind)},
                status=problem.status,
            )
            return
        self.redirect(address(f"{self.context.prefix}admin/quotas", done="saved"), status=303)

    def _subject(self) -> tuple[str, str]:
        kind = self.get_argument("kind", "everybody")
        name = "" if kind == "everybody" else self.get_argument("name", "").strip()
        if kind not in _PUT or (kind != "everybody" and not name) or len(name) > 255 or "/" in name:
            raise InvalidRequest("Say whose quota: of everybody, or of a user or a group, by name.")
        return kind, name

    async def _shown(self, caller: Caller, kind: str, name: str) -> dict[str, Any]:
        found: SubjectQuotaView | None = None
        entry: EntryView | None = None
        if kind == "everybody":
            said = (await self.ask(list_quotas, caller)).quotas
            entry = next((each for each in said if each.kind == kind), None)
        else:
            run = get_users_quota if kind == "user" else get_groups_quota
            found = await self.ask(run, caller, path={"name": name})
            entry = found.entry if found else None
        return {
            "kind": kind,
            "name": name,
            "entry": entry,
            "use": found.use if found else None,
            "halves": _HALVES[kind],
            "fields": {each: field.description or "" for each, field in Limits.model_fields.items()},
            "given": _given_by(entry, kind),
            "events": self.events(caller),
            "wrong": "",
        }

    def _given(self, kind: str) -> dict[str, str]:
        """What the form held when it was sent."""
        names = [_field(half, each) for half in _HALVES[kind] for each in Limits.model_fields]
        return {name: self.get_body_argument(name, "") for name in names}

    def _limits(self, kind: str) -> Limits | GroupLimits:
        """From the form's fields. Raises InvalidParameter, which names the field."""
        given = self._given(kind)
        halves = {
            half: {
                each: _value(each, text) for each in Limits.model_fields if (text := given[_field(half, each)].strip())
            }
            for half in _HALVES[kind]
        }
        try:
            return GroupLimits.model_validate(halves) if kind == "group" else Limits.model_validate(halves[""])
        except ValidationError as error:
            fault = first_fault(error)
            place = [str(part) for part in fault.place if part in ("each", "together") or part in Limits.model_fields]
            raise InvalidParameter(".".join(place), fault.sentence) from None


def _field(half: str, dimension: str) -> str:
    return f"{half}.{dimension}" if half else dimension


def _value(dimension: str, text: str) -> Any:
    """A number where one is wanted; the model says what is wrong with anything else."""
    if dimension in _TEXTS or text == UNLIMITED:
        return text
    try:
        return float(text)
    except ValueError:
        return text


def _given_by(entry: EntryView | None, kind: str) -> dict[str, str]:
    limits = entry.limits if entry else {}
    halves = limits if kind == "group" else {"": limits}
    return {
        _field(half, each): _text(each, halves.get(half, {}).get(each))
        for half in _HALVES[kind]
        for each in Limits.model_fields
    }


def _text(dimension: str, value: Any) -> str:
    if value is None:
        return ""
    if dimension == "memory" and isinstance(value, int):
        return exact_bytes(value)
    return f"{value:g}" if isinstance(value, float) else str(value)
