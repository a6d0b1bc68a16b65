"""Which languages pages can be shown in: gettext catalogues of this package, and those that others add."""

from __future__ import annotations

import gettext
import re
import sys
from functools import lru_cache
from pathlib import Path

DOMAIN = "zoe"
OWN = Path(__file__).parent / "locale"
LOCALES = Path(sys.prefix) / "share" / "locale"
"""Where language packs put ``<language>/LC_MESSAGES/zoe.mo``. What they say comes before what this package says."""
_MOST_LANGUAGES = 5


def languages_of(header: str) -> list[str]:
    """The languages in ``Accept-Language`` that are named properly, the most wanted first."""
    found: list[tuple[float, str]] = []
    for part in header[:200].split(",")[:_MOST_LANGUAGES]:
        name, _, weight = part.strip().partition(";q=")
        if re.fullmatch(r"[A-Za-z]{2,3}(-[A-Za-z]{2,4})?", name):
            try:
                found.append((-float(weight or 1), name.replace("-", "_")))
            except ValueError:
                continue
    return [name for _, name in sorted(found, key=lambda each: each[0])]


@lru_cache(maxsize=256)
def known_language(languages: tuple[str, ...]) -> str:
    """The first for which there is a catalogue, before which English stands for itself."""
    for name in languages:
        if name.partition("_")[0].lower() == "en":
            break
        if any(gettext.find(DOMAIN, str(folder), [name]) for folder in (LOCALES, OWN)):
            return name
    return "en"


def catalogue_of(language: str) -> gettext.NullTranslations:
    """The texts of a language; English where neither a language pack nor this package has one."""
    theirs = gettext.translation(DOMAIN, str(LOCALES), [language], fallback=True)
    theirs.add_fallback(gettext.translation(DOMAIN, str(OWN), [language], fallback=True))
    return theirs
