"""Which of pydantic's errors to tell: people mend one at a time."""

from __future__ import annotations

from typing import NamedTuple

from pydantic import ValidationError

from .base import NAME

_OF_TEXT = frozenset({"string_too_long", "string_too_short", "string_pattern_mismatch"})

_OF_KEYS = frozenset({"model_type", "dict_type", "mapping_type"})


class Fault(NamedTuple):
    """The place, pydantic's word for the kind, and a sentence without a capital letter and a full stop."""

    place: tuple[int | str, ...]
    kind: str
    sentence: str


def first_fault(error: ValidationError) -> Fault:
    """The first error; where a text may be one of several types, the one that says what is wrong with the text."""
    found = error.errors(include_url=False, include_input=False, include_context=False)
    first = found[0]
    place = first["loc"]
    if first["type"].endswith(("_parsing", "_type")):
        of_text = (one for one in found if one["type"] in _OF_TEXT and one["loc"][:-1] == place[:-1])
        better = next(of_text, None)
        if better is not None:
            # The last part names the alternative, which is in no document.
            first, place = better, place[:-1]
    if first["type"] == "string_pattern_mismatch" and f"'{NAME}'" in first["msg"]:
        # People who write "My cluster" read no regular expressions.
        sentence = "a name is 1 to 63 lowercase letters, digits and inner hyphens, a letter first"
        return Fault(place, first["type"], sentence)
    if first["type"] in _OF_KEYS:
        return Fault(place, first["type"], "keys with values belong here; what says nothing may be left out")
    message = str(first["msg"]).removeprefix("Value error, ")[:500]
    return Fault(place, first["type"], message[:1].lower() + message[1:])
