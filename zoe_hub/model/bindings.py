"""Values of references that are known outside the engine: secrets, addresses, public paths."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from .execution import Execution


def ui_path(prefix: str, execution: str, process: str, port: str) -> str:
    """Public path of a `ui` port, without a slash at the end. `prefix` is the Hub service's, with one."""
    return f"{prefix}executions/{execution}/ui/{process}/{port}"


def bindings(execution: Execution, framework: str, secrets: Mapping[str, str], prefix: str) -> dict[str, str]:
    """References and values for the texts of one framework; addresses only of instances that have one.

    `secrets` are the values of the framework's own references to secrets, `prefix` the public path of the Hub service.
    """
    values = {"execution.id": execution.id, "execution.owner": execution.owner, "execution.name": execution.name}
    values |= secrets
    first = {instance.process: instance for instance in execution.instances if instance.ordinal == 0}
    for process in execution.plan.processes:
        for label in (process.key, process.name) if process.framework == framework else (process.key,):
            for port in process.ports:
                values[f"{label}.url.{port.name}"] = ui_path(prefix, execution.id, process.key, port.name)
            instance = first.get(process.key)
            if instance is not None and instance.host is not None:
                values[f"{label}.host"] = instance.host
                values.update({f"{label}.port.{port}": str(number) for port, number in instance.ports.items()})
    return values


def own_paths(prefix: str, execution: str, process: str, ports: Iterable[str]) -> dict[str, str]:
    """The ``self.url.NAME`` references of a process."""
    return {f"self.url.{port}": ui_path(prefix, execution, process, port) for port in ports}
