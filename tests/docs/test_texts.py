"""Texts in other languages: the catalogues are those of what is shown, and nothing in them is left in English."""

from __future__ import annotations

from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from scripts import texts
from scripts.errors import SetUpError
from scripts.texts import PAGES, PANEL, Place, Text


def _shown(place: Place) -> list[Text]:
    try:
        return texts.texts_of_pages() if place is PAGES else texts.texts_of_panel()
    except SetUpError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("place", [PAGES, PANEL], ids=["pages", "panel"])
def test_catalogues_hold_what_is_shown_and_german_is_complete(place: Place) -> None:
    assert place.translations(), "there is German"
    assert texts.faults(place, _shown(place)) == []


def test_what_is_new_changed_or_broken_is_found(tmp_path: Path) -> None:
    place = Place(tmp_path, "the pages", for_gettext=True)
    texts.update(place, [Text("Hello", None, "a.html")])
    german = tmp_path / "de" / "LC_MESSAGES" / "zoe.po"
    german.parent.mkdir(parents=True)
    german.write_text('msgid "Hello"\nmsgstr "Hallo"\n')
    texts.update(place, [Text("Hello", None, "a.html")])
    assert texts.faults(place, [Text("Hello", None, "a.html")]) == []
    more = [Text("Hello", None, "a.html"), Text("%(name)s ends", None, "b.html")]
    template, missing = texts.faults(place, more)
    assert "zoe.pot is not what the pages show" in template
    assert "no translation of '%(name)s ends'" in missing
    texts.update(place, more)
    german.write_text(
        german.read_text().replace('msgid "%(name)s ends"\nmsgstr ""', 'msgid "%(name)s ends"\nmsgstr "%(nam)s endet"')
    )
    hole, old = texts.faults(place, more)
    assert "'%(nam)s endet' does not name" in hole
    assert "zoe.mo is older than zoe.po" in old
    with german.open("rb") as file:
        assert "Hello" in read_po(file)
