"""Quotas: administrators set them, users see their own."""

from __future__ import annotations

from pydantic import Field

from ...model.errors import InvalidRequest, UnknownName
from ...model.quotas import GroupLimits, Limits
from ...scheduler.allowances import Rules, Subject
from .. import scopes
from ..access import lacks
from ..operations import Call, Operation, Query, Reply
from ..owners import groups_of
from ..quota_views import EntryView, OwnQuotaView, QuotasView, SubjectQuotaView, SubjectView

EVERYBODY = Subject("everybody", "")


class OwnQuery(Query):
    """Whose quota."""

    owner: str | None = Field(
        default=None,
        max_length=200,
        description="Somebody else's: with the scope for administrators. Services have none of their own.",
    )


async def get_own_quota(call: Call) -> Reply:
    """What a user may have, what of it is used, and by what.

    Of what a group has together, the use of other members is one number.
    """
    owner = call.query.owner or call.who.user
    if owner is None:
        raise InvalidRequest("A service has no quota: say of which user, as `owner`.")
    if not call.who.may(scopes.READ_EXECUTIONS, owner):
        raise lacks(scopes.READ_EXECUTIONS if owner == call.who.user else scopes.ADMIN_EXECUTIONS)
    groups = await groups_of(call, owner)
    accounts = await call.context.store.accounts(owner, groups)
    rules: Rules = accounts.rules
    together = [rules.together(group) for group in sorted(set(groups))]
    return Reply(
        OwnQuotaView(
            user=owner,
            groups=sorted(set(groups)),
            own=SubjectView.of(rules.own(owner, groups), accounts, owner),
            together=[SubjectView.of(each, accounts, owner) for each in together if each.bounds],
        ),
        headers={"Cache-Control": "no-store"},
    )


async def list_quotas(call: Call) -> Reply:
    """All quotas that were set here, or are in the administrator's file.

    What is stored for a subject takes the place of all that the file says of it.
    """
    _administers(call)
    file, stored = call.context.quota_file.quotas(), await call.context.store.quotas()
    said: dict[Subject, Limits | GroupLimits] = {Subject("group", name): its for name, its in file.groups.items()}
    said |= {Subject("user", name): its for name, its in file.users.items()}
    if file.everybody.said:
        said[EVERYBODY] = file.everybody
    problem = call.context.quota_file.problem
    return Reply(
        QuotasView(
            quotas=[
                EntryView.of(subject.kind, subject.name, stored.get(subject), said.get(subject))
                for subject in sorted({*said, *stored}, key=lambda each: (_KINDS.index(each.kind), each.name))
            ],
            file=str(call.context.quota_file.path) if call.context.quota_file.path else None,
            problem=None if problem is None else str(problem),
        )
    )


async def put_everybodys_quota(call: Call) -> Reply:
    """What each user may have, unless something else is said of a group or of the user."""
    return await _put(call, EVERYBODY)


async def delete_everybodys_quota(call: Call) -> Reply:
    """Leave everybody to what the file says."""
    return await _delete(call, EVERYBODY)


async def get_users_quota(call: Call) -> Reply:
    """What was said of a user by name, and what the user uses."""
    return await _get(call, Subject("user", call.path["name"]))


async def put_users_quota(call: Call) -> Reply:
    """What a user may have: comes before what is said of groups and of everybody."""
    return await _put(call, Subject("user", call.path["name"]))


async def delete_users_quota(call: Call) -> Reply:
    """Leave a user to what the file says."""
    return await _delete(call, Subject("user", call.path["name"]))


async def get_groups_quota(call: Call) -> Reply:
    """What was said of a group, and what its members use together.

    Also for those who administer the executions of this group's members.
    """
    return await _get(call, Subject("group", call.path["name"]))


async def put_groups_quota(call: Call) -> Reply:
    """What each member of a group of the Hub may have, and all of them together."""
    return await _put(call, Subject("group", call.path["name"]))


async def delete_groups_quota(call: Call) -> Reply:
    """Leave a group to what the file says."""
    return await _delete(call, Subject("group", call.path["name"]))


_KINDS = ("everybody", "group", "user")


async def _get(call: Call, subject: Subject) -> Reply:
    if subject.kind != "group" or subject.name not in scopes.led(call.who.scopes):
        _administers(call)
    entry = await _entry(call, subject)
    if subject.kind == "user":
        groups = await groups_of(call, subject.name)
        accounts = await call.context.store.accounts(subject.name, groups)
        allowance = accounts.rules.own(subject.name, groups)
    else:
        accounts = await call.context.store.accounts("", (subject.name,))
        allowance = accounts.rules.together(subject.name)
    return Reply(SubjectQuotaView(entry=entry, use=SubjectView.of(allowance, accounts, None)))


async def _put(call: Call, subject: Subject) -> Reply:
    _administers(call)
    await call.context.store.put_quota(subject, call.body)
    call.context.wake()
    entry = await _entry(call, subject)
    if entry is None:
        raise UnknownName(f"quota of {subject.kind}", subject.name)
    return Reply(entry)


async def _delete(call: Call, subject: Subject) -> Reply:
    _administers(call)
    await call.context.store.delete_quota(subject)
    call.context.wake()
    return Reply(status=204)


async def _entry(call: Call, subject: Subject) -> EntryView | None:
    file = call.context.quota_file.quotas()
    stored = (await call.context.store.quotas()).get(subject)
    said: Limits | GroupLimits | None = file.everybody if file.everybody.said else None
    if subject.kind == "user":
        said = file.users.get(subject.name)
    elif subject.kind == "group":
        said = file.groups.get(subject.name)
    return None if stored is None and said is None else EntryView.of(subject.kind, subject.name, stored, said)


def _administers(call: Call) -> None:
    if not scopes.holds_for_all(call.who.scopes, scopes.ADMIN_QUOTAS):
        raise lacks(scopes.ADMIN_QUOTAS)


OPERATIONS = (
    Operation("GET", "/quota", get_own_quota, scope=scopes.READ_EXECUTIONS, query=OwnQuery, response=OwnQuotaView),
    Operation("GET", "/quotas", list_quotas, scope=scopes.ADMIN_QUOTAS, response=QuotasView),
    Operation(
        "PUT", "/quotas/everybody", put_everybodys_quota, scope=scopes.ADMIN_QUOTAS, body=Limits, response=EntryView
    ),
    Operation(
        "DELETE", "/quotas/everybody", delete_everybodys_quota, scope=scopes.ADMIN_QUOTAS, status=204, problems=(404,)
    ),
    Operation("GET", "/quotas/users/{name}", get_users_quota, scope=scopes.ADMIN_QUOTAS, response=SubjectQuotaView),
    Operation(
        "PUT", "/quotas/users/{name}", put_users_quota, scope=scopes.ADMIN_QUOTAS, body=Limits, response=EntryView
    ),
    Operation("DELETE", "/quotas/users/{name}", delete_users_quota, scope=scopes.ADMIN_QUOTAS, status=204),
    Operation(
        "GET",
        "/quotas/groups/{name}",
        get_groups_quota,
        scope=scopes.ADMIN_QUOTAS,
        also=scopes.ADMIN_EXECUTIONS,
        response=SubjectQuotaView,
    ),
    Operation(
        "PUT",
        "/quotas/groups/{name}",
        put_groups_quota,
        scope=scopes.ADMIN_QUOTAS,
        body=GroupLimits,
        response=EntryView,
    ),
    Operation("DELETE", "/quotas/groups/{name}", delete_groups_quota, scope=scopes.ADMIN_QUOTAS, status=204),
)
