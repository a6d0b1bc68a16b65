"""Documents that somebody wrote badly, or with bad intent: mutations of good ones, the same for the same seed."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from typing import Any

STRINGS = [
    "",
    " ",
    "$(touch /tmp/owned)",
    "`touch /tmp/owned`",
    "; touch /tmp/owned #",
    "| touch /tmp/owned",
    "&& touch /tmp/owned",
    "a\nb: c\n- d",
    "--option=value",
    "-rf",
    "${secret.auth}",
    "$${secret.auth}",
    "${${secret.auth}}",
    "${self.folder}/../../key",
    "$",
    "{{ 7 * 7 }}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ [].append }}",
    "{% for x in [1] %}{% endfor %}",
    "{{ 9 ** 9 ** 9 }}",
    "{{ 'x' * 10 ** 9 }}",
    "{{ range(10 ** 9) }}",
    "{{ cycler.__init__.__globals__ }}",
    "{{",
    "{#",
    "{{ workers }}" * 60,
    "${{{ workers }}}",
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "javascript:alert(1)",
    "'; DROP TABLE executions; --",
    "../../../../etc/passwd",
    "/etc/passwd",
    "..",
    "%2e%2e%2f",
    "http://evil.example/",
    "//evil.example",
    "a\u0000b",
    "\ufeff",
    "\u202etxt.exe",
    "\u2066x\u2069",
    "\u001b[2J\u001b]0;owned\u0007",
    "\u0085\u2028\u2029",
    "e\u0301" * 50,
    "\U0001f9d1\u200d\U0001f680",
    "\uffff\U0010ffff",
    "\u0130\u0131\u017f\u212a",
    "x" * 100_000,
    "9" * 400,
    "0x" + "f" * 400,
    "1:" * 400 + "1",
    "1e999",
    ".inf",
    "nan",
    "-0",
    "yes",
    "null",
    "~",
    "2001-01-01",
    "=",
    "<<",
    "*a",
    "&a",
    "!!python/object/apply:os.system [id]",
    "(a+)+$",
    "(?=a)b",
    "[",
    "(" * 400,
    "a{1000}{1000}{1000}",
    r"\w{255}",
    "(((a{99}){99}){99}){99}",
    "1 TiB",
    "9" * 29 + " TiB",
    "-1 GiB",
    "0.0000000000000000000001 KiB",
]
"""Each is meant for something: shells, templates, references, HTML, SQL, paths, YAML, patterns, terminals, numbers."""

VALUES: list[Any] = [
    None, True, False, 0, -1, 1, 2**31, 2**53, 2**63, 2**64, 10**300, 1.5, -0.0, 1e308, 5e-324,
    [], {}, [[]], [{}], {"": ""}, [None] * 50, {"a": {"b": {"c": {}}}}, list(range(300)),
]  # fmt: skip

NOT_JSON: list[Any] = [float("nan"), float("inf"), 10**5000]


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where every value within a document is."""
    yield path
    if isinstance(value, dict):
        for key, child in value.items():
            yield from _paths(child, (*path, key))
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield from _paths(child, (*path, index))


def _parent(document: Any, path: tuple[Any, ...]) -> Any:
    for part in path[:-1]:
        document = document[part]
    return document


def _nested(depth: int, dice: random.Random) -> Any:
    value: Any = "x"
    for _ in range(depth):
        value = [value] if dice.random() < 0.5 else {"a": value}
    return value


def hostile_value(dice: random.Random) -> Any:
    """Something that does not belong where it is put."""
    kind = dice.random()
    if kind < 0.6:
        return dice.choice(STRINGS)
    if kind < 0.9:
        return copy.deepcopy(dice.choice(VALUES))
    return _nested(dice.choice((5, 30, 100)), dice)


def mutated(document: Any, dice: random.Random) -> Any:
    """The document after one to three changes to its values, keys and structure."""
    result = copy.deepcopy(document)
    for _ in range(dice.choice((1, 1, 1, 2, 3))):
        paths = [path for path in _paths(result) if path]
        if not paths:
            return hostile_value(dice)
        path = dice.choice(paths)
        parent, last = _parent(result, path), path[-1]
        change = dice.random()
        if change < 0.65:
            parent[last] = hostile_value(dice)
        elif change < 0.75:
            del parent[last]
        elif change < 0.85 and isinstance(parent, dict):
            parent[dice.choice([text for text in STRINGS if len(text) < 500])] = parent[last]
        elif change < 0.9 and isinstance(parent, list):
            parent.extend(copy.deepcopy(parent[last]) for _ in range(dice.choice((1, 20, 500))))
        elif isinstance(parent[last], str):
            where = dice.randint(0, len(parent[last]))
            parent[last] = parent[last][:where] + dice.choice(STRINGS) + parent[last][where:]
        else:
            parent[last] = hostile_value(dice)
    return result


def as_json(document: Any, dice: random.Random) -> bytes:
    """A document as a body, now and then with what JSON does not have."""
    if dice.random() < 0.05 and isinstance(document, dict):
        document = {**document, dice.choice(["parameters", "x"]): dice.choice(NOT_JSON[:2])}
    text = json.dumps(document, ensure_ascii=dice.random() < 0.5)
    if dice.random() < 0.05:
        text = garbled(text, dice)
    return text.encode("utf-8", "surrogatepass")


BOMBS = [
    "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\n"
    "d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e,*e,*e,*e,*e]\n",
    "a: &a {k1: 1}\n"
    + "".join(
        f"{new}: &{new} {{<<: [{', '.join([f'*{old}'] * 9)}]}}\n"
        for old, new in zip("abcdefgh", "bcdefghi", strict=True)
    ),
    "a: &a {<<: *a}\n",
    "&a [*a]\n",
    "a: &a {b: *a}\n",
    "[" * 5000 + "\n",
    "{a: " * 3000 + "\n",
    "- " * 3000 + "x\n",
    "? " * 2000 + "x\n",
    "[" + "1," * 60_000 + "]\n",
    "a: !!timestamp abc\n",
    "a: !!bool maybe\n",
    "a: !!int \n",
    "a: !!int 0x\n",
    "a: !!float .\n",
    "a: !!binary $$\n",
    "a: !!null x\n",
    "a: !!omap [x]\n",
    "a: !!set {x, y}\n",
    "a: !!map x\n",
    "a: !!seq {x: y}\n",
    "a: !!str {x: y}\n",
    "a: 2001-99-99\n",
    "a: " + "1:" * 20_000 + "1\n",
    "a: " + "9" * 100_000 + "\n",
    "a: 0x" + "f" * 100_000 + "\n",
    "a: 1." + "1" * 100_000 + "\n",
    "%YAML 9.9\n---\na: b\n",
    "%TAG ! tag:evil.example,2000:\n---\na: !x y\n",
    "a: b\n---\nc: d\n",
    "a: *unknown\n",
    'a: "\\ud800"\n',
    'a: "\\x00"\n',
    "a: 'x\n",
    "a: |9\n x\n",
    "\t\tx: y\n",
    "\x00",
    "\x07: x\n",
    "a: >\n" + " x\n" * 30_000,
    "a: " + "'" * 50_000 + "\n",
    'a: "' + "\\" * 49_999 + "\n",
    "#" * 120_000,
    "\n" * 120_000,
    "x" * 600_000,
    "? [a, b]\n: c\n",
    "1: x\n",
    "<<: 7\n",
    "<<: [7]\n",
    "<<: {<<: {<<: {}}}\n",
    "a: 1\na: 2\n",
    "!!python/object/apply:os.system ['touch /tmp/owned']\n",
    "a: !!python/object/new:type {args: [x]}\n",
]
"""What takes long, much memory or another type, if one lets it."""


def garbled(text: str, dice: random.Random) -> str:
    """The text after a change that no editor would make."""
    where = dice.randint(0, len(text))
    change = dice.random()
    if change < 0.3:
        return text[:where]
    if change < 0.6:
        return text[:where] + chr(dice.choice((0, 7, 9, 27, 34, 39, 58, 91, 123, 133, 160, 8232, 65279, 128512)))
    length = dice.randint(1, 40)
    if change < 0.8:
        return text[:where] + text[where + length :]
    return text[:where] + text[where : where + length] * dice.choice((2, 200)) + text[where + length :]


def as_yaml(text: str, dice: random.Random) -> bytes:
    """The text of a file, changed: a bomb within it or instead of it, bytes that are no Unicode, or garbled."""
    change = dice.random()
    if change < 0.25:
        return dice.choice(BOMBS).encode("utf-8", "surrogatepass")
    if change < 0.5:
        bomb = dice.choice(BOMBS).encode("utf-8", "surrogatepass")
        return text.encode() + b"\nextra:\n" + b"".join(b"  " + line + b"\n" for line in bomb.splitlines())
    if change < 0.6:
        content = bytearray(text.encode())
        for _ in range(dice.randint(1, 5)):
            content[dice.randrange(len(content))] = dice.randrange(256)
        return bytes(content)
    return garbled(text, dice).encode("utf-8", "surrogatepass")
