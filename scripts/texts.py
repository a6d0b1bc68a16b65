"""The texts that people are shown, as gettext catalogues: templates made of the sources, and translations of them.

``python -m scripts.texts`` brings all of them up to date: the templates (``zoe.pot``), each language's ``zoe.po``
beside them, and what is read at run time (``zoe.mo`` for pages, ``zoe.json`` for the panel in JupyterLab). ``check``
changes nothing, and says what is not up to date, or not translated.
"""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from babel.messages import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import read_mo, write_mo
from babel.messages.pofile import read_po, write_po

from zoe_hub.model.audit import Outcome
from zoe_hub.model.execution import ExecutionState, InstanceState
from zoe_hub.model.quotas import GroupLimits, Limits
from zoe_hub.web.pages.rendering import plain, state_word

from . import faces, finder
from .errors import SetUpError
from .folders import CHECKOUT, Folders

DOMAIN = "zoe"
TEMPLATES = ("zoe_hub/web/pages/templates", "zoe_hub/spawner/templates")
_JINJA = {"silent": "false", "newstyle_gettext": "true", "trim_blocks": "true", "lstrip_blocks": "true"}
_SINCE = datetime(2026, 1, 1, tzinfo=timezone.utc)
"""In the catalogues' heads, so that they change only where a text does."""


@dataclass(frozen=True)
class Text:
    """One text, with its plural if it has one, and the file that it is in."""

    text: str
    plural: str | None
    file: str


@dataclass(frozen=True)
class Place:
    """Where the catalogues of one part are, and whether they are compiled for gettext or for JupyterLab."""

    folder: Path
    what: str
    for_gettext: bool

    @property
    def template(self) -> Path:
        return self.folder / f"{DOMAIN}.pot"

    def translations(self) -> list[Path]:
        return sorted(self.folder.glob(f"*/LC_MESSAGES/{DOMAIN}.po"))


PAGES = Place(CHECKOUT / "zoe_hub" / "locale", "the pages", for_gettext=True)
PANEL = Place(CHECKOUT / "zoe_server_ext" / "locale", "the panel in JupyterLab", for_gettext=False)


def texts_of_pages() -> list[Text]:
    """What the templates show, and the words that they look up."""
    found = list(_words())
    for folder in TEMPLATES:
        methods = [("**.html", "jinja2.ext:babel_extract")]
        texts = extract_from_dir(CHECKOUT / folder, methods, options_map={"**.html": _JINJA})
        for name, _, message, _, _ in texts:
            one, many = message if isinstance(message, tuple) else (message, None)
            found.append(Text(one, many, f"{folder}/{name}"))
    return found


def _words() -> Iterator[Text]:
    """Of enumerations and of quotas' dimensions, which the templates translate as values."""
    yield from (Text(state_word(each.value), None, "zoe_hub/model/execution.py") for each in ExecutionState)
    for enumeration, file in ((InstanceState, "execution"), (Outcome, "audit")):
        yield from (Text(each.value, None, f"zoe_hub/model/{file}.py") for each in enumeration)
    for name, field in Limits.model_fields.items():
        yield Text(plain(name), None, "zoe_hub/model/quotas.py")
        if field.description:
            yield Text(field.description.replace("`", ""), None, "zoe_hub/model/quotas.py")
    yield from (Text(name, None, "zoe_hub/model/quotas.py") for name in GroupLimits.model_fields)


def texts_of_panel() -> list[Text]:
    """What the TypeScript sources hand to JupyterLab's translator. Raises SetUpError without Node and TypeScript."""
    folders = Folders.of(os.environ)
    node = finder.find_node(os.environ, folders.bundled_node)
    place = faces.UI if (faces.UI / "node_modules" / "typescript").is_dir() else faces.workspace(folders)
    if node is None or not (place / "node_modules" / "typescript").is_dir():
        raise SetUpError("The texts of the panel cannot be read without Node and TypeScript: make setup")
    command = [str(node.path), str(faces.UI / "texts.mjs"), str(place / "node_modules" / "typescript" / "lib")]
    run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode:
        raise SetUpError(run.stderr.strip())
    return [Text(each["text"], each["plural"], f"ui/packages/{each['file']}") for each in json.loads(run.stdout)]


def template_of(texts: Iterable[Text]) -> Catalog:
    """All texts once, in the order of the alphabet, without line numbers."""
    template = Catalog(
        domain=DOMAIN, project="Zoe for Jupyter", version="1", charset="utf-8", creation_date=_SINCE,
        revision_date=_SINCE, msgid_bugs_address="", last_translator="", language_team="", fuzzy=False,
        header_comment="# Texts of Zoe for Jupyter. Written by `python -m scripts.texts`; translations are yours.",
    )  # fmt: skip
    for each in sorted(texts, key=lambda text: (text.text, text.plural or "", text.file)):
        template.add((each.text, each.plural) if each.plural else each.text, locations=[(each.file, 0)])
    return template


def update(place: Place, texts: Iterable[Text]) -> None:
    """Write template, translations and what is made of them. What nobody shows any more is left out of them."""
    template = template_of(texts)
    _write(place.template, _po(template))
    for path in place.translations():
        catalogue = _read(path)
        catalogue.update(template, no_fuzzy_matching=True)
        catalogue.creation_date = catalogue.revision_date = _SINCE
        _write(path, _po(catalogue))
        _write(*_compiled(place, path, catalogue))


def faults(place: Place, texts: Iterable[Text]) -> list[str]:
    """What is not up to date or not translated, in sentences."""
    found = []
    template = template_of(texts)
    if not place.template.exists() or place.template.read_bytes() != _po(template):
        found.append(f"{_named(place.template)} is not what {place.what} show: python -m scripts.texts")
    for path in place.translations():
        catalogue = _read(path)
        for message in template:
            translated = catalogue.get(message.id if isinstance(message.id, str) else message.id[0])
            if message.id and (translated is None or not _complete(translated)):
                found.append(
                    f"{_named(path)} has no translation of {message.id!r}: run python -m scripts.texts, and write one"
                )
        found += [f"{_named(path)}: {each.id!r}: {fault}" for each in catalogue for fault in _broken(each)]
        target, content = _compiled(place, path, catalogue)
        if not target.exists() or _texts_in(target.read_bytes()) != _texts_in(content):
            found.append(f"{_named(target)} is older than {path.name}: python -m scripts.texts")
    return found


def _complete(message: Message) -> bool:
    return all(_strings(message.string)) and not message.fuzzy


def _strings(value: str | Sequence[str] | None) -> list[str]:
    """One form, or all of them."""
    return [value or ""] if value is None or isinstance(value, str) else list(value)


def _broken(message: Message) -> list[str]:
    """What of a translation would be shown with holes in it."""
    if not message.id or not _complete(message):
        return []
    ids, strings = _strings(message.id), _strings(message.string)
    wanted = _holes(ids[-1])
    return [
        f"{each!r} does not name {', '.join(sorted(wanted ^ _holes(each)))}"
        for each in strings
        if _holes(each) != wanted
    ]


def _holes(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"%\(\w+\)s|%\d|\{\w+\}", text))


def _compiled(place: Place, path: Path, catalogue: Catalog) -> tuple[Path, bytes]:
    if place.for_gettext:
        compiled = io.BytesIO()
        write_mo(compiled, catalogue)
        return path.with_suffix(".mo"), compiled.getvalue()
    language = path.parent.parent.name.replace("_", "-")
    head = {"domain": DOMAIN, "language": language, "plural_forms": f"{catalogue.plural_forms};".replace(";;", ";")}
    messages: dict[str, object] = {"": head}
    for message in catalogue:
        if message.id and _complete(message):
            messages[_strings(message.id)[0]] = _strings(message.string)
    return path.with_suffix(".json"), (json.dumps(messages, ensure_ascii=False, indent=1) + "\n").encode()


def _texts_in(compiled: bytes) -> dict[Any, Any]:
    if compiled[:1] == b"{":
        return dict(json.loads(compiled))
    return {str(each.id): str(each.string) for each in read_mo(io.BytesIO(compiled)) if each.id}


def _read(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, locale=path.parent.parent.name, domain=DOMAIN)


def _po(catalogue: Catalog) -> bytes:
    written = io.BytesIO()
    write_po(written, catalogue, width=120, sort_output=True, ignore_obsolete=True, include_lineno=False)
    # Which version of Babel wrote it is nobody's business.
    return b"".join(line for line in written.getvalue().splitlines(True) if not line.startswith(b'"Generated-By'))


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _named(path: Path) -> str:
    return str(path.relative_to(CHECKOUT) if path.is_relative_to(CHECKOUT) else path)


def main(arguments: Sequence[str]) -> int:
    """Exit status: 1 where `check` finds something, 2 for anything that is no such command."""
    if list(arguments) not in ([], ["check"]):
        print("usage: python -m scripts.texts [check]", file=sys.stderr)
        return 2
    try:
        parts = ((PAGES, texts_of_pages()), (PANEL, texts_of_panel()))
    except SetUpError as error:
        print(error, file=sys.stderr)
        return 1
    if not arguments:
        for place, texts in parts:
            update(place, texts)
        return 0
    found = [each for place, texts in parts for each in faults(place, texts)]
    print("\n".join(found), file=sys.stderr, end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
