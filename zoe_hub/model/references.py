"""References: values known only when an instance starts, written ``${…}`` in a plan's texts.

============================  ===================================================
``${secret.NAME}``            a token of the framework, derived per execution
``${bearer.NAME}``            a JWS signed with that token (HS256)
``${certificate.NAME}``       a certificate of the framework, PEM; ``${key.NAME}`` its key
``${PROCESS.host}``           address of the first instance of another process
``${PROCESS.port.NAME}``      port of the first instance of another process
``${PROCESS.url.NAME}``       public path of another process' `ui` port, without a slash at the end
``${self.host}`` …            the same for the instance itself: host, port.NAME, url.NAME
``${self.ordinal}``           number of the instance, from 0
``${self.folder}``            scratch folder of the instance, gone when it goes
``${framework.folder}``       where the framework's files are
``${cache}``                  what the framework's preparation made; may not exist
``${python}``                 the Python that has Zoe's dependencies
``${execution.id}`` ``${execution.owner}`` ``${execution.name}``
============================  ===================================================

A literal dollar sign is written ``$$``; composition doubles those in users' values, so that a
value can never become a reference.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from .errors import InvalidDocument

_REFERENCE = re.compile(r"\$(?:\$|\{([^{}]*)\})?")
"""A reference, ``$$``, or a dollar sign that stands for itself."""


def escape(text: str) -> str:
    """The text, such that ``bind`` gives it back unchanged."""
    return text.replace("$", "$$")


def names(text: str) -> frozenset[str]:
    """The names of all references in a text."""
    # Nearly all texts are such, and all of a plan's are asked each time that something about an execution is new.
    if "$" not in text:
        return frozenset()
    return frozenset(match[1] for match in _REFERENCE.finditer(text) if match[1] is not None)


def bind(text: str, values: Mapping[str, str], *, partial: bool = False) -> str:
    """Replace references by values.

    With `partial`, unknown references stay and dollar signs are doubled, so that a later call can finish.
    Raises InvalidDocument for an unknown reference otherwise.
    """
    if "$" not in text:
        return text

    def replace(match: re.Match[str]) -> str:
        name = match[1]
        if name is None:
            return "$$" if partial else "$"
        if name in values:
            return escape(values[name]) if partial else values[name]
        if partial:
            return match[0]
        raise InvalidDocument(f"unknown reference ${{{name}}}")

    return _REFERENCE.sub(replace, text)
