"""Finds references that nothing will ever resolve, before anything is started."""

from __future__ import annotations

from collections.abc import Iterator

from ..model.errors import InvalidDocument
from ..model.framework import Secret, SecretKind
from ..model.plan import Plan, ProcessPlan
from ..model.references import names

COMMON = frozenset({"execution.id", "execution.owner", "execution.name"})
OF_THE_ENGINE = frozenset({"self.host", "self.ordinal", "self.folder", "framework.folder", "cache", "python"})
"""Bound by the back end when an instance starts; ``self.port.NAME`` and ``self.url.NAME`` beside them."""


def check_references(plan: Plan) -> None:
    """Raises InvalidDocument for a reference that names no secret, process or port of its framework."""
    for framework in plan.frameworks:
        shared = COMMON | secret_references(framework.secrets) | address_references(plan, framework.name)
        for process in plan.processes:
            if process.framework == framework.name:
                own = shared | OF_THE_ENGINE | _port_references("self", process)
                _check(f"framework {framework.name}, process {process.name}", _process_texts(process), own)
        if framework.client is not None:
            _check(f"framework {framework.name}, client", iter(framework.client.connection.values()), shared)


def secret_references(secrets: tuple[Secret, ...]) -> frozenset[str]:
    """The references that a framework's secrets make legal."""
    found: set[str] = set()
    for secret in secrets:
        kinds = ("certificate", "key") if secret.kind is SecretKind.CERTIFICATE else ("secret", "bearer")
        found.update(f"{kind}.{secret.name}" for kind in kinds)
    return frozenset(found)


def address_references(plan: Plan, framework: str) -> frozenset[str]:
    """References to processes: ``master.host`` within a framework, ``spark.master.host`` from any other."""
    found: set[str] = set()
    for process in plan.processes:
        prefixes = (process.name, process.key) if process.framework == framework else (process.key,)
        for prefix in prefixes:
            found.add(f"{prefix}.host")
            found |= _port_references(prefix, process)
    return frozenset(found)


def _port_references(prefix: str, process: ProcessPlan) -> set[str]:
    return {f"{prefix}.{kind}.{port.name}" for port in process.ports for kind in ("port", "url")}


def _process_texts(process: ProcessPlan) -> Iterator[str]:
    yield from process.command
    yield from process.environment.values()
    yield from (file.content for file in process.files)
    for port in process.ports:
        yield from port.headers.values()


def _check(where: str, texts: Iterator[str], legal: frozenset[str] | set[str]) -> None:
    for text in texts:
        unknown = sorted(names(text) - legal)
        if unknown:
            raise InvalidDocument(f"{where}: nothing resolves the reference ${{{unknown[0]}}}")
