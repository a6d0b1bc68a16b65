"""What a user chose: read from the submitted form, or checked as it came over REST."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..model.errors import InvalidParameter

KEYS = ("zapp", "parameters", "profile")
"""The keys of `user_options`; `profile` is what JupyterHub's admin page shows."""

ABOUT_THE_FORM = frozenset({"_xsrf", "next", "display_name"})
"""Fields of a submitted form that choose nothing."""


@dataclass(frozen=True)
class Choice:
    """A ZApp by name, and values for its parameters as given, not checked against the ZApp."""

    zapp: str
    parameters: dict[str, Any] = field(default_factory=dict)


def choice_from_form(fields: Mapping[str, Sequence[Any]], default: str) -> Choice:
    """Read a submitted form: the field `zapp`, and one field ``ZAPP.PARAMETER`` for each value.

    The fields of the ZApps that were not chosen come along and are left out; a field left empty means
    the parameter's default. A bare ``PARAMETER`` belongs to the chosen ZApp, for links with
    ``?opt-zapp=…&opt-memory=…``. A checkbox sends a hidden `false` first: the last value counts.
    """
    name = _last(fields.get("zapp", ())) or default
    parameters: dict[str, Any] = {}
    for key, values in fields.items():
        if key == "zapp" or key in ABOUT_THE_FORM:
            continue
        owner, dot, parameter = key.rpartition(".")
        value = _last(values)
        if value == "" or (dot and owner != name):
            continue
        parameters[parameter] = value
    return Choice(name, parameters)


def choice_from_options(options: Mapping[str, Any], default: str, others: Collection[str] | None = ()) -> Choice:
    """Check `user_options`, which anybody may have sent over REST.

    `others` are further keys that the administrator's own hooks read; None allows any. Raises
    InvalidParameter, which names the key.
    """
    if others is not None:
        for key in options:
            if key not in KEYS and key not in others:
                raise InvalidParameter(str(key)[:60], f"is no user option; there are: {', '.join(KEYS)}")
    zapp = options.get("zapp", default)
    if not isinstance(zapp, str) or not zapp:
        raise InvalidParameter("zapp", f"must be the name of a ZApp, such as {default!r}")
    parameters = options.get("parameters")
    if parameters is None:
        parameters = {}
    if not isinstance(parameters, Mapping):
        raise InvalidParameter("parameters", 'must be an object of parameter names and values, such as {"workers": 2}')
    for name, value in parameters.items():
        if not isinstance(value, (bool, int, float, str)):
            raise InvalidParameter(str(name)[:60], "the value must be a number, a text, true or false")
    return Choice(zapp, dict(parameters))


def _last(values: Sequence[Any]) -> Any:
    return values[-1].strip() if values and isinstance(values[-1], str) else (values[-1] if values else "")
