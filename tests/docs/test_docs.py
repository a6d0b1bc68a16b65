"""What is undocumented, or documented otherwise than it is, fails here."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from scripts.reference import SETTINGS, pages
from zoe_hub.cli.application import application
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


def commands() -> list[tuple[str, str]]:
    """Every `zoe …` in prose, with its page."""
    found = []
    for path in PROSE:
        text = path.read_text()
        spans = re.findall(r"(?<!`)`([^`\n]+)`(?!`)", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
        lines = [
            line.strip() for block in re.findall(r"```.*?\n(.*?)```", text, re.DOTALL) for line in block.splitlines()
        ]
        for each in [*spans, *lines]:
            match = re.match(r"(?:\$ )?(?:ZOE_HOME=\S+ )?zoe (?!=)(.*)", each)
            if match:
                found.append((str(path.relative_to(ROOT)), match[1]))
    return found


@pytest.mark.parametrize(("page", "line"), commands())
def test_every_command_in_prose_is_one(page: str, line: str) -> None:
    """Its options, and the place in which they stand."""
    command: Any = get_command(application)
    words = iter(shlex.split(line, comments=True))
    for word in words:
        if word.startswith("-"):
            options = {name: each for each in command.params for name in (*each.opts, *each.secondary_opts)}
            assert word in options or word in ("-h", "--help"), f"{page}: zoe {line}: {command.name} has no {word}"
            if word in options and not options[word].is_flag:
                next(words)
        elif hasattr(command, "commands"):
            assert word in command.commands, f"{page}: zoe {line}: there is no {word}"
            command = command.commands[word]


def test_every_make_target_named_in_prose_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for path in PROSE:
        for target in re.findall(r"`make ([a-z-]+)", path.read_text()):
            assert target in targets, f"{path.relative_to(ROOT)} names make {target}"
