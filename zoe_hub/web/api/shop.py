"""The shop: what there is to start, users' own ZApps included, and on which machines."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from ...composition import compose
from ...model.errors import Conflict, InvalidRequest, UnknownName
from ...model.framework import Placement
from ...model.zapp import ZApp
from .. import scopes
from ..access import lacks
from ..context import Shelves, WebContext
from ..machines import NodesView
from ..operations import Call, Operation, Query, Reply
from ..views import FrameworkView, ProblemView, ShopView, SourceView, ZAppView


class ShopQuery(Query):
    """Whose shop."""

    owner: str | None = Field(
        default=None,
        max_length=200,
        description="With this user's own ZApps instead of the caller's: with the scope for administrators.",
    )


async def get_shop(call: Call) -> Reply:
    """Everything that can be started, and joined."""
    shelves = call.context.catalogue
    own = await own_zapps(call, call.query.owner)
    broken = shelves.problems if call.who.admin else ()
    return Reply(
        ShopView(
            zapps=[_zapp(call.context, zapp, own=False) for zapp in shelves.zapps.values()]
            + [_zapp(call.context, zapp, own=True) for name, zapp in own.items() if name not in shelves.zapps],
            frameworks=[
                FrameworkView(
                    name=framework.name,
                    title=framework.title,
                    description=framework.description,
                    icon=framework.icon,
                    options=framework.options,
                    attachable=framework.client is not None,
                )
                for framework in shelves.frameworks.values()
            ],
            problems=[ProblemView(path=p.path, line=p.line, reason=p.reason) for p in broken],
            sources=[_source(shelves, path) for path in shelves.sources] if call.who.admin else [],
        )
    )


async def get_zapp(call: Call) -> Reply:
    """One ZApp."""
    zapp, own = await find_zapp(call, call.path["name"])
    return Reply(_zapp(call.context, zapp, own=own))


async def put_zapp(call: Call) -> Reply:
    """Keep a ZApp of one's own."""
    zapp: ZApp = call.body
    owner = _owner(call)
    if zapp.name != call.path["name"]:
        raise InvalidRequest(f"The address says {call.path['name']!r}, the document {zapp.name!r}: make them the same.")
    if zapp.name in call.context.catalogue.zapps:
        raise Conflict(f"The shop has a ZApp named {zapp.name!r} already; choose another name.")
    for part in zapp.frameworks:
        if part.framework not in call.context.catalogue.frameworks:
            raise UnknownName("framework", part.framework, call.context.catalogue.frameworks)
    if all(parameter.default is not None for parameter in zapp.parameters):
        compose(zapp, {}, call.context.catalogue.frameworks)
    await call.context.store.put_zapp(owner, zapp, most=call.context.limits.zapps or None)
    return Reply(_zapp(call.context, zapp, own=True))


async def delete_zapp(call: Call) -> Reply:
    """Delete a ZApp of one's own."""
    await call.context.store.delete_zapp(_owner(call), call.path["name"])
    return Reply(status=204)


async def get_nodes(call: Call) -> Reply:
    """The machines, and what of them is granted."""
    live = await call.context.store.list(live=True, limit=None)
    return Reply(NodesView.of(await call.context.nodes(), live, told=scopes.reaches_all(call.who.scopes)))


async def own_zapps(call: Call, owner: str | None = None) -> dict[str, ZApp]:
    """The ZApps of the caller's own, or of an owner for whom the caller acts, by name; a service has none.

    Raises NotPermitted for somebody else's, unless the caller may act for that user.
    """
    name = owner or call.who.user
    if name not in (None, call.who.user) and not call.who.may(scopes.EXECUTIONS, name):
        raise lacks(scopes.ADMIN_EXECUTIONS)
    return {} if name is None else {zapp.name: zapp for zapp in await call.context.store.zapps(name)}


async def find_zapp(call: Call, name: str, owner: str | None = None) -> tuple[ZApp, bool]:
    """A ZApp of the shop, or of one's own (see `own_zapps`), and whether it is the latter. Raises UnknownName."""
    shelf = call.context.catalogue.zapps
    if name in shelf:
        return shelf[name], False
    own = await own_zapps(call, owner)
    if name in own:
        return own[name], True
    raise UnknownName("ZApp", name, [*shelf, *own])


def _owner(call: Call) -> str:
    if call.who.user is None:
        raise InvalidRequest("A service keeps no ZApps of its own; use a user's token.")
    return call.who.user


def _zapp(context: WebContext, zapp: ZApp, *, own: bool) -> ZAppView:
    frameworks = context.catalogue.frameworks
    parts = [frameworks[part.framework] for part in zapp.frameworks if part.framework in frameworks]
    return ZAppView(
        **zapp.model_dump(),
        attachable=any(part.client for part in parts),
        server=any(process.placement is Placement.SERVER for part in parts for process in part.processes),
        own=own,
    )


def _source(shelves: Shelves, folder: Path) -> SourceView:
    broken = sum(folder in Path(problem.path).parents for problem in shelves.problems)
    return SourceView(path=str(folder), there=folder.is_dir(), problems=broken)


OPERATIONS = (
    Operation(
        "GET",
        "/shop",
        get_shop,
        scope=scopes.READ_SHOP,
        query=ShopQuery,
        response=ShopView,
    ),
    Operation("GET", "/zapps/{name}", get_zapp, scope=scopes.READ_SHOP, response=ZAppView),
    Operation(
        "PUT",
        "/zapps/{name}",
        put_zapp,
        scope=scopes.ZAPPS,
        body=ZApp,
        response=ZAppView,
        problems=(409,),
    ),
    Operation("DELETE", "/zapps/{name}", delete_zapp, scope=scopes.ZAPPS, status=204),
    Operation(
        "GET",
        "/nodes",
        get_nodes,
        scope=scopes.READ_SHOP,
        response=NodesView,
    ),
)
