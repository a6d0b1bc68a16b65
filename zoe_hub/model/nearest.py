"""What somebody may have meant who mistyped a name."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import SequenceMatcher
from itertools import islice

_LONGEST = 128
"""Characters of a word that can be meant: names have 63, and those of processes two of them."""
_COMPARED = 200
_CLOSELY = 8
"""Words that are compared in full: that takes time by the square of their length, and users choose both."""


def nearest(word: str, words: Iterable[str], cutoff: float = 0.6) -> str | None:
    """Of the first 200 words the one that is most like it; None where none is, by `cutoff` from 0 to 1."""
    if len(word) > _LONGEST:
        return None
    matcher = SequenceMatcher(b=word)
    likely: list[tuple[float, str]] = []
    for each in islice(words, _COMPARED):
        if len(each) <= _LONGEST:
            matcher.set_seq1(each)
            if matcher.real_quick_ratio() >= cutoff:
                likely.append((matcher.quick_ratio(), each))
    best, found = cutoff, None
    for upper, each in sorted(likely, reverse=True)[:_CLOSELY]:
        if upper < best:
            break
        matcher.set_seq1(each)
        if (ratio := matcher.ratio()) >= best:
            best, found = ratio, each
    return found
