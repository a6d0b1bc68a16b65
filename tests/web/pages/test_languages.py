"""Pages in the language that a browser prefers."""

from __future__ import annotations

import re

import httpx
import pytest

from tests.web.conftest import Site, Starter
from zoe_hub.translations import known_language, languages_of

PAGE = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "none"}


@pytest.mark.parametrize(
    ("header", "language", "title"),
    [
        ("de-AT, de;q=0.9, en;q=0.5", "de-AT", "Meine Ausführungen"),
        ("fr, de;q=0.8", "de", "Meine Ausführungen"),
        ("en-US, de;q=0.8", "en", "My executions"),
        ("fr", "en", "My executions"),
        ("", "en", "My executions"),
    ],
)
async def test_a_page_is_in_the_language_that_is_preferred(
    site: Site, alice: httpx.AsyncClient, header: str, language: str, title: str
) -> None:
    answer = await alice.get(site.url, headers={**PAGE, "Accept-Language": header})
    assert f'<html lang="{language}">' in answer.text
    assert f"<title>{title} " in answer.text
    assert answer.headers["Vary"] == "Accept-Language"


async def test_words_of_states_are_translated_as_well(site: Site, start: Starter, alice: httpx.AsyncClient) -> None:
    await start()
    text = (await alice.get(site.url, headers={**PAGE, "Accept-Language": "de"})).text
    assert re.findall(r'class="badge[^>]*>([^<]+)<', text) == ["läuft"]


@pytest.mark.parametrize("header", ["../../etc, x", "d" * 5000, "de;q=much", "*", "de-DE-1996-extra"])
def test_what_is_no_language_is_english(header: str) -> None:
    assert known_language(tuple(languages_of(header))) == "en"
