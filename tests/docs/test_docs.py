"""What is undocumented, or documented otherwise than it is, fails here."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from scripts.reference import SETTINGS, pages
from zoe_hub.model.events import EventKind
from zoe_hub.web.scopes import SCOPES

ROOT = Path(__file__).parent.parent.parent
PROSE = sorted([*(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md"), *(ROOT / "frameworks").rglob("*.md")])


@pytest.mark.parametrize(("path", "text"), list(pages()), ids=lambda value: getattr(value, "name", ""))
def test_the_reference_is_what_the_code_says(path: Path, text: str) -> None:
    assert path.read_text() == text, f"{path.name} is out of date: run `make docs`"


def test_every_setting_scope_and_event_is_documented() -> None:
    reference = "".join(
        (ROOT / "docs" / "reference" / name).read_text() for name in ("configuration.md", "scopes.md", "events.md")
    )
    names = [name for owner, _ in SETTINGS for name in owner.class_own_traits(config=True)]
    names += SCOPES
    names += [kind.value for kind in EventKind]
    assert [name for name in names if f"{name}`" not in reference] == []


def test_every_setting_says_what_it_is_for() -> None:
    for owner, _ in SETTINGS:
        for name, trait in owner.class_own_traits(config=True).items():
            assert len(trait.help) > 20, f"{owner.__name__}.{name}"


@pytest.mark.parametrize("path", PROSE, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", re.sub(r"```.*?```", "", path.read_text(), flags=re.DOTALL)):
        if "://" not in target:
            assert (path.parent / target).exists(), f"{path.relative_to(ROOT)} links to {target}"


def test_every_page_is_reached_from_the_index() -> None:
    index = (ROOT / "docs" / "index.md").read_text()
    for path in (ROOT / "docs").rglob("*.md"):
        if path.name != "index.md":
            assert str(path.relative_to(ROOT / "docs")) in index, f"{path.name} is not in docs/index.md"


def test_every_make_target_named_in_prose_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for path in PROSE:
        for target in re.findall(r"`make ([a-z-]+)", path.read_text()):
            assert target in targets, f"{path.relative_to(ROOT)} names make {target}"
