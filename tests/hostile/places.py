"""Where a secret might lie about: command lines, environments, files, and what several callers are answered."""

from __future__ import annotations

import base64
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import psutil

from zoe_hub.model.framework import SecretKind
from zoe_hub.secrets import Secrets


def secrets_of(key_file: Path, execution: str, framework: str, declared: Mapping[str, SecretKind]) -> dict[str, str]:
    """Every secret of an execution, by a name for messages, as the service derives them."""
    secrets = Secrets.load(key_file)
    key = key_file.read_bytes()
    found = {"the key, hexadecimal": key.hex(), "the key, base64": base64.b64encode(key).decode().rstrip("=")}
    for name, kind in declared.items():
        if kind is SecretKind.TOKEN:
            found[f"token {name}"] = secrets.token(execution, framework, name)
            found[f"bearer {name}"] = secrets.bearer(execution, framework, name).rpartition(".")[2]
    return found


def private_keys(text: str) -> dict[str, str]:
    """The line of each PEM private key in a text."""
    lines = text.splitlines()
    starts = [number for number, line in enumerate(lines) if "BEGIN PRIVATE KEY" in line]
    return {f"private key {number}": lines[number + 1] for number in starts}


def found_in(text: str | bytes, secrets: Mapping[str, str]) -> list[str]:
    """The names of the secrets that a text holds."""
    content = text.encode(errors="surrogateescape") if isinstance(text, str) else text
    return [name for name, value in secrets.items() if value.encode() in content]


def command_lines() -> Iterator[tuple[str, str]]:
    """Of all processes of this machine: a name for messages, and the command line."""
    for process in psutil.process_iter():
        try:
            yield f"{process.pid} {process.name()}", "\0".join(process.cmdline())
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue


def environments() -> Iterator[tuple[str, dict[str, str]]]:
    """Of all processes of this machine that may be read."""
    for process in psutil.process_iter():
        try:
            yield f"{process.pid} {process.name()}", process.environ()
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue


def files(folder: Path) -> Iterator[tuple[Path, bytes, bool]]:
    """All plain files below a folder: path, content, and whether somebody else may open it."""
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not path.is_file():
            continue
        try:
            content = path.read_bytes()
        except OSError:
            continue
        parts = [path, *list(path.parents)[: len(path.relative_to(folder).parts)]]
        closed = any(stat.S_IMODE(part.stat().st_mode) & 0o077 == 0 for part in parts)
        yield path, content, not closed


async def answers(client: httpx.AsyncClient, execution: str) -> Iterator[tuple[str, str]]:
    """What a caller is answered about an execution, wherever one can ask."""
    place = f"/executions/{execution}"
    found = []
    for path in (
        "/me", "/shop", "/nodes", "/openapi.json", "/executions", "/executions?owner=*", "/executions?owner=alice",
        place, f"{place}/connection", f"{place}/logs",
    ):  # fmt: skip
        answer = await client.get(path)
        found.append((path, answer.text + str(answer.headers)))
    for path in ("/events?owner=*", f"{place}/events"):
        found.append((path, await _stream(client, path)))
    for method, path, body in (
        ("POST", "/executions", {"zapp": "vault", "owner": "alice", "parameters": {"motto": 7}}),
        ("PATCH", place, {"parameters": {"motto": "x"}}),
        ("PUT", f"{place}/attachment", {"server": "mallory/"}),
        ("PUT", f"{place}/instances/vault.main/0", {"state": "ready"}),
        ("GET", f"{place}/ui/vault.main/web/", None),
    ):
        answer = await client.request(method, path, json=body)
        found.append((f"{method} {path}", answer.text))
    return iter(found)


async def _stream(client: httpx.AsyncClient, path: str) -> str:
    """The events of a stream up to its first sign of life."""
    text = ""
    async with client.stream("GET", path, headers={"Last-Event-ID": "0"}) as answer:
        if answer.status_code != 200:
            return (await answer.aread()).decode()
        async for line in answer.aiter_lines():
            text += line + "\n"
            if "running" in line or text.count("\n") > 2000:
                break
    return text
