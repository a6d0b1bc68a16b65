"""How executions, the shop and logs look: text everywhere, HTML in notebooks."""

from __future__ import annotations

import html
import os
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urljoin

from zoe_hub.client.views import ExecutionView, ParameterView, ShopView, ZAppView
from zoe_hub.model.resources import exact_bytes

from . import namespace, style
from .adapting import following
from .lives import notice
from .progress import sizes


def public_url(url: str) -> str:
    """The address that a browser takes: a path stays one where the Hub's public address is not known."""
    return urljoin(os.environ.get("JUPYTERHUB_PUBLIC_HUB_URL", ""), url)


def cores(view: ExecutionView) -> float:
    """Processors: those that the framework itself counts, else those granted to workers."""
    if isinstance(view.live.get("cores"), (int, float)):
        return float(view.live["cores"])
    keys = view.workers
    return sum(p.resources.cpu * view.granted.get(p.key, 0) for p in view.plan.processes if p.key in keys)


def line(view: ExecutionView, names: Mapping[str, Any]) -> str:
    """One line about an execution."""
    parts = [f"{view.name} ({view.zapp}): {view.state.value}"]
    if view.state.ended:
        parts += [view.reason] if view.reason else []
    else:
        parts += [text for text in (sizes(view), f"{cores(view):g} CPU" if view.workers else "") if text]
    parts += [f"adapts: {adapts}"] if (adapts := following(view)) else []
    parts += [ending] if (ending := notice(view)) else []
    parts += [f"{page.title or page.port}: {public_url(page.url)}" for page in view.ui]
    bound = namespace.ours(names)
    # Sentences end with a full stop; here something else may follow.
    return ", ".join(part.removesuffix(".") for part in parts) + (f"; {namespace.listed(bound)}" if bound else "")


def card(view: ExecutionView, names: Mapping[str, Any], note: str = "") -> str:
    """An execution as HTML."""
    rows = [("ZApp", html.escape(view.zapp))]
    if view.reason:
        rows.append(("reason", html.escape(view.reason)))
    if not view.state.ended and view.plan.scales:
        rows.append((view.plan.scales.replace("_", " "), html.escape(sizes(view).partition(": ")[2])))
        rows.append(("CPU", f"{cores(view):g}"))
    if adapts := following(view):
        rows.append(("adapts", html.escape(adapts)))
    rows += [(key, html.escape(str(value))) for key, value in view.live.items() if key in ("running", "waiting")]
    if ending := notice(view):
        rows.append(("time", html.escape(f"{ending}; {view.life.advice}" if view.life.advice else ending)))
    if view.life.kept_until is not None and not view.state.ended:
        rows.append(("kept until", view.life.kept_until.astimezone().strftime("%Y-%m-%d %H:%M %Z")))
    if view.ui and not view.state.ended:
        rows.append(("pages", " · ".join(style.link(public_url(p.url), p.title or p.port) for p in view.ui)))
    bound = namespace.ours(names)
    if bound:
        rows.append(("names", ", ".join(f"<code>{html.escape(name)}</code>" for name in bound)))
    if note:
        rows.append(("note", html.escape(f"as last seen: {note}")))
    return style.card(state=view.state.value, title=view.name, rows=rows)


class Executions(list[ExecutionView]):
    """A list that shows itself as a table."""

    def __init__(self, views: Iterable[ExecutionView]) -> None:
        super().__init__(views)

    def __repr__(self) -> str:
        return "\n".join(line(view, {}) for view in self) or "no executions"

    def _repr_html_(self) -> str:
        if not self:
            return "<i>no executions</i>"
        rows = [
            (
                html.escape(view.name),
                html.escape(view.zapp),
                style.mark(view.state.value),
                html.escape(notice(view) or sizes(view) or view.reason),
                " · ".join(style.link(public_url(p.url), p.title or p.port) for p in view.ui),
            )
            for view in self
        ]
        return style.table(("name", "ZApp", "state", "", "pages"), rows)


class Shop(list[ZAppView]):
    """The ZApps; shows itself as a table with their parameters."""

    def __init__(self, shop: ShopView) -> None:
        super().__init__(shop.zapps)
        self.problems = shop.problems

    def __repr__(self) -> str:
        lines = []
        for zapp in self:
            lines.append(f"{zapp.name}: {zapp.title}{'' if zapp.attachable else ' (not for a running notebook)'}")
            lines += [f"    {parameter_line(parameter)}" for parameter in zapp.parameters]
        return "\n".join(lines) or "the shop is empty"

    def _repr_html_(self) -> str:
        rows = [
            (
                f"{html.escape(zapp.icon)} <b>{html.escape(zapp.name)}</b>",
                html.escape(zapp.description or zapp.title),
                "<br>".join(html.escape(parameter_line(parameter)) for parameter in zapp.parameters),
                "zoe.attach" if zapp.attachable else "start page",
            )
            for zapp in self
        ]
        return style.table(("name", "what it is", "parameters", "starts with"), rows)


def parameter_line(parameter: ParameterView) -> str:
    """A parameter with its default and what it may be."""

    def shown(value: Any) -> str:
        return exact_bytes(value) if parameter.type == "memory" and isinstance(value, int) else str(value)

    text = parameter.name if parameter.default is None else f"{parameter.name}={shown(parameter.default)}"
    if parameter.choices:
        return f"{text} ({', '.join(shown(choice) for choice in parameter.choices)})"
    low, high = parameter.minimum, parameter.maximum
    if low is not None and high is not None:
        return f"{text} ({shown(low)} to {shown(high)})"
    if low is not None or high is not None:
        return f"{text} (at {'least' if high is None else 'most'} {shown(low if high is None else high)})"
    return text


class LogText(str):
    """Log lines; shown as they are."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)
