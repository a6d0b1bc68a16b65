"""From an execution to the orders that a back end is given. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import takewhile

from ..backends.base import Order
from ..model.bindings import bindings, own_paths
from ..model.execution import Execution, InstanceState
from ..model.framework import Placement
from ..model.plan import ProcessPlan
from ..model.references import bind, names

_ADDRESS = re.compile(r".+\.host|.+\.port\.[^.]+")


def ready_count(execution: Execution, key: str) -> int:
    """How many instances of a process are ready."""
    return sum(i.process == key and i.state is InstanceState.READY for i in execution.instances)


def core_is_ready(execution: Execution) -> bool:
    """Whether every process has as many ready instances as its core counts, of what was granted of it."""
    return all(
        ready_count(execution, process.key) >= core_of(execution, process) for process in execution.plan.processes
    )


def core_of(execution: Execution, process: ProcessPlan) -> int:
    """How many instances of a process must run. A larger core that is asked for later waits until it is granted."""
    return min(process.core, execution.granted.get(process.key, process.core))


def replicas(execution: Execution, process: ProcessPlan) -> int:
    """How many ordinals of a process are wanted: as many as were granted, and further ones that live already where so
    many of those were given up for good that the core would not be complete without.
    """
    ended = {i.ordinal: i.state.ended for i in execution.instances if i.process == process.key}
    count = execution.granted.get(process.key, process.core)
    missing = core_of(execution, process) - sum(not ended.get(ordinal, False) for ordinal in range(count))
    spare = sorted(ordinal for ordinal, gone in ended.items() if ordinal >= count and not gone)
    return spare[missing - 1] + 1 if 0 < missing <= len(spare) else count


def orders(execution: Execution, secrets: Mapping[str, Mapping[str, str]], prefix: str) -> Iterator[Order]:
    """What may be ordered now: processes of the back end for which all that they come after are ready, and have an
    address that they are told.

    `secrets` are the values of references by framework, `prefix` the public path of the Hub service.
    """
    started = {instance.process for instance in execution.instances}
    for process in execution.plan.processes:
        if process.placement is not Placement.BACKEND:
            continue
        # What has been started stays ordered while its predecessor restarts.
        new = process.key not in started
        if new and any(ready_count(execution, other) == 0 for other in process.after):
            continue
        values = bindings(execution, process.framework, secrets.get(process.framework, {}), prefix)
        if new and not _expected(execution, process) & _told(process) <= values.keys():
            continue
        values |= own_paths(prefix, execution.id, process.key, (port.name for port in process.ports))
        yield Order(
            execution=execution.id,
            owner=execution.owner,
            template=_bound(process, values),
            replicas=replicas(execution, process),
            addresses=_addresses(process, values),
        )


def _addresses(process: ProcessPlan, values: Mapping[str, str]) -> dict[str, str]:
    """Of the other processes that this one is told of."""
    return {name: values[name] for name in sorted(_told(process) & values.keys()) if _ADDRESS.fullmatch(name)}


def _told(process: ProcessPlan) -> frozenset[str]:
    """References in the texts of a process."""
    texts = [process.image, *process.command, *process.environment.values(), *(file.content for file in process.files)]
    return frozenset[str]().union(*map(names, texts))


def _expected(execution: Execution, process: ProcessPlan) -> set[str]:
    """Addresses that there will be: of processes before this one, so that no two wait for each other."""
    found: set[str] = set()
    for other in takewhile(lambda each: each.key != process.key, execution.plan.processes):
        if other.placement is Placement.BACKEND and core_of(execution, other):
            for label in (other.key, other.name) if other.framework == process.framework else (other.key,):
                found |= {f"{label}.host", *(f"{label}.port.{port.name}" for port in other.ports)}
    return found


def _bound(process: ProcessPlan, values: Mapping[str, str]) -> ProcessPlan:
    def fill(text: str) -> str:
        return bind(text, values, partial=True)

    return process.model_copy(
        update={
            "image": fill(process.image),
            "command": tuple(fill(word) for word in process.command),
            "environment": {name: fill(text) for name, text in process.environment.items()},
            "files": tuple(file.model_copy(update={"content": fill(file.content)}) for file in process.files),
            "ports": tuple(
                port.model_copy(update={"headers": {name: fill(text) for name, text in port.headers.items()}})
                for port in process.ports
            ),
        }
    )
