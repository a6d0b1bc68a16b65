"""The shop as a plain HTML form: no JavaScript, Bootstrap 5 classes as in JupyterHub's own pages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import jinja2
import markupsafe

from ..client.views import ParameterView, PreviewView, ZAppView
from ..model.errors import ZoeError
from ..model.parameters import ParameterType
from ..model.pictures import picture
from ..model.resources import exact_bytes, parse_bytes
from ..translations import catalogue_of

COUNTED = ("executions", "instances")
"""What costs of these is told only where it is too much: most people have plenty."""
_FOLDER = Path(__file__).parent / "templates"
# Within the form, as the Hub's own pages hold theirs: the Hub serves no files of others.
_SCRIPT = (_FOLDER / "shop.js").read_text(encoding="utf-8")
_STYLE = (_FOLDER / "shop.css").read_text(encoding="utf-8")


@lru_cache(maxsize=16)
def _templates(language: str) -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("zoe_hub.spawner"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    environment.install_gettext_translations(catalogue_of(language), newstyle=True)  # type: ignore[attr-defined]
    return environment


def render_shop(
    zapps: Iterable[ZAppView],
    chosen: str,
    values: Mapping[str, Any],
    previews: Mapping[str, PreviewView] | None = None,
    *,
    service: str = "",
    owner: str = "",
    language: str = "en",
) -> str:
    """The form: a card for each ZApp; `chosen` is marked and its parameters have `values`.

    `previews` say, by ZApp, what it costs and whether it starts now. With the path of the `service`, the browser asks
    it again for what is typed, for this `owner`. With nothing to choose from, the form says so. When `chosen` is not
    among them the first one is marked. Texts are in `language`, as far as there is a catalogue of it.
    """
    cards = list(zapps)
    if cards and chosen not in [zapp.name for zapp in cards]:
        chosen, values = cards[0].name, {}
    return (
        _templates(language)
        .get_template("shop.html")
        .render(
            zapps=[_card(zapp, zapp.name == chosen, values if zapp.name == chosen else {}) for zapp in cards],
            previews={zapp.name: (previews or {}).get(zapp.name, PreviewView()) for zapp in cards},
            counted=COUNTED,
            service=service,
            owner=owner,
            script=markupsafe.Markup(_SCRIPT),
            style=markupsafe.Markup(_STYLE),
        )
    )


def render_images(images: Iterable[str], chosen: str, language: str = "en") -> str:
    """What stands below the shop where users may choose the image of their server."""
    return _templates(language).get_template("images.html").render(images=images, chosen=chosen)


def render_away(error: ZoeError, chosen: str, values: Mapping[str, Any], language: str = "en") -> str:
    """What stands in place of the shop while the service is away: why, and how to go on."""
    fields = {f"{chosen}.{name}": _text(value) for name, value in values.items()}
    return _templates(language).get_template("away.html").render(error=str(error), chosen=chosen, fields=fields)


def _card(zapp: ZAppView, chosen: bool, values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": zapp.name,
        "title": zapp.title or zapp.name,
        "picture": markupsafe.Markup(picture(zapp.icon, zapp.title or zapp.name)),
        "description": zapp.description,
        "own": zapp.own,
        "chosen": chosen,
        "fields": [_field(zapp.name, p, values.get(p.name, p.default)) for p in zapp.parameters],
    }


def _field(zapp: str, parameter: ParameterView, value: Any) -> dict[str, Any]:
    memory = parameter.type == ParameterType.MEMORY.value

    def text(item: Any) -> str:
        return _memory(item) if memory else _text(item)

    choices = [text(choice) for choice in parameter.choices]
    return {
        "id": f"zoe-{zapp}-{parameter.name}",
        "name": f"{zapp}.{parameter.name}",
        "label": parameter.label or parameter.name.replace("_", " ").capitalize(),
        "help": parameter.help,
        "kind": "choice" if choices else parameter.type,
        "value": text(value),
        # A remembered value that the shop does not offer any more must not be chosen silently.
        "choices": choices,
        "minimum": text(parameter.minimum),
        "maximum": text(parameter.maximum),
        "needed": parameter.default is None,
    }


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) and value.is_integer() else str(value)


def _memory(value: Any) -> str:
    """An amount as people write it, exactly."""
    if value is None:
        return ""
    try:
        return exact_bytes(parse_bytes(value))
    except ValueError:
        return str(value)
