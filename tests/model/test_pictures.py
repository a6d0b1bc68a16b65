"""Pictures: every ZApp has one, whatever its icon is, and nothing that somebody wrote becomes markup."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from zoe_hub.model.pictures import picture


@pytest.mark.parametrize(
    ("icon", "title"),
    [("📓", "JupyterLab"), ("✨", "Spark"), ("🦄", "Unicorns"), ("", "<b>"), ("<i>", "»é«"), ("", "-")],
)
def test_every_icon_is_drawn_and_no_character_of_it_is_needed(icon: str, title: str) -> None:
    drawn = picture(icon, title)
    root = ElementTree.fromstring(drawn)
    assert root.attrib["aria-hidden"] == "true"
    assert len(root) > 0
    assert not icon or icon not in drawn


def test_what_is_not_drawn_has_the_initial_of_its_title() -> None:
    assert ">É</text>" in picture("🦄", "»é«")
    assert ">?</text>" in picture("", "-")
    assert "<text" not in picture("🚀", "Rocket")
    assert picture("🟠", "A") == picture("🟠", "B")
