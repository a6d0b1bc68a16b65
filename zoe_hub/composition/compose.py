"""Joins frameworks into a plan in which every value is resolved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..model.errors import InvalidDocument, InvalidParameter, InvalidRequest, UnknownName
from ..model.framework import Framework, Placement, Process
from ..model.nearest import nearest
from ..model.parameters import Parameter, Scalar
from ..model.plan import FrameworkPlan, Plan, ProcessPlan
from ..model.resources import Resources, parse_bytes
from ..model.zapp import Part, ZApp
from .references import check_references
from .templates import render_number, render_text, render_value

MAX_INSTANCES = 10_000


def compose(zapp: ZApp, parameters: Mapping[str, Any], frameworks: Mapping[str, Framework]) -> Plan:
    """The plan of a ZApp under a user's parameters.

    Raises InvalidParameter (a value of the user's), UnknownName (a framework that is not in the
    shop) or InvalidDocument (the descriptions themselves do not fit together).
    """
    values = resolve_parameters(zapp.parameters, parameters)
    chosen: list[FrameworkPlan] = []
    processes: list[ProcessPlan] = []
    for part in zapp.frameworks:
        if part.framework not in frameworks:
            raise UnknownName("framework", part.framework, frameworks)
        framework = frameworks[part.framework]
        options = _options(zapp, part, framework, values)
        chosen.append(_framework(framework, options))
        processes.extend(_process(framework, process, options) for process in framework.processes)
    if sum(process.placement is Placement.SERVER for process in processes) > 1:
        raise InvalidDocument(f"ZApp {zapp.name}: it has two processes that are the user's server; one is possible")
    plan = Plan(
        zapp=zapp.name,
        title=zapp.title,
        category=zapp.category,
        parameters=values,
        scales=next((parameter.name for parameter in zapp.parameters if parameter.scales), None),
        definition=zapp,
        frameworks=tuple(chosen),
        processes=tuple(processes),
    )
    check_references(plan)
    return plan


def rescale(plan: Plan, parameters: Mapping[str, Any], frameworks: Mapping[str, Framework]) -> Plan:
    """The plan after some of its parameters changed, where only counts of instances differ.

    Raises what `compose` raises, InvalidParameter for None, which is no size, and InvalidRequest when the change needs
    a new execution.
    """
    if plan.lost:
        raise InvalidRequest("another version of Zoe stored its plan, which cannot be read; swap to a new one instead")
    for parameter in plan.definition.parameters:
        if parameter.name in parameters and parameters[parameter.name] is None:
            raise InvalidParameter(parameter.name, "null is no value; give one, or leave the parameter out")
        if parameter.scales or parameter.name not in parameters:
            continue
        if parameter.check(parameters[parameter.name]) != plan.parameters[parameter.name]:
            raise InvalidRequest(f"{parameter.name} cannot change while it runs; swap to a new one instead")
    new = compose(plan.definition, {**plan.parameters, **parameters}, frameworks)
    counts = {process.key: (process.core, process.elastic) for process in plan.processes}
    same = tuple(
        process.model_copy(update=dict(zip(("core", "elastic"), counts.get(process.key, (0, 0)), strict=True)))
        for process in new.processes
    )
    if same != plan.processes or new.frameworks != plan.frameworks:
        raise InvalidRequest(
            "its framework's description or a value other than a count would change; swap to a new one instead"
        )
    return new.model_copy(update={"lifetime": plan.lifetime})


def resolve_parameters(parameters: Sequence[Parameter], given: Mapping[str, Any]) -> dict[str, Scalar]:
    """Each parameter's value: the given one, checked, or its default. Raises InvalidParameter."""
    known = {parameter.name for parameter in parameters}
    for name in given:
        if name not in known:
            near = nearest(str(name), sorted(known))
            hint = f"did you mean {near}?" if near else f"there are: {', '.join(sorted(known)) or 'none'}"
            raise InvalidParameter(str(name)[:80], f"there is no such parameter; {hint}")
    values: dict[str, Scalar] = {}
    for parameter in parameters:
        if given.get(parameter.name) is not None:
            values[parameter.name] = parameter.check(given[parameter.name])
        elif parameter.default is not None:
            values[parameter.name] = parameter.check(parameter.default)
        else:
            raise InvalidParameter(parameter.name, "a value is needed; it has no default")
    return values


def _options(zapp: ZApp, part: Part, framework: Framework, values: Mapping[str, Scalar]) -> dict[str, Scalar]:
    where = f"ZApp {zapp.name}, framework {framework.name}"
    known = {option.name for option in framework.options}
    # What is not known is refused below: users may send any number of long templates.
    given = {
        name: render_value(text, values, f"{where}, {name}") if name in known else text
        for name, text in part.options.items()
    }
    try:
        return resolve_parameters(framework.options, given)
    except InvalidParameter as error:
        # A bound of the framework that a user's parameter ran into is the user's to mend.
        if part.options.get(error.parameter) is not None and error.parameter in values:
            raise
        raise InvalidDocument(f"{where}, option {error}") from error


def _framework(framework: Framework, options: Mapping[str, Scalar]) -> FrameworkPlan:
    where = f"framework {framework.name}"
    client = framework.client and framework.client.model_copy(
        update={"connection": _texts(framework.client.connection, options, f"{where}, client")}
    )
    status = framework.status
    if status is not None and status.load is not None:
        load = status.load.model_copy(update={"slots": _slots(status.load.slots, options, f"{where}, status")})
        status = status.model_copy(update={"load": load})
    return FrameworkPlan(name=framework.name, secrets=framework.secrets, client=client, status=status)


def _slots(source: Any, options: Mapping[str, Scalar], where: str) -> int:
    number = render_number(source, options, f"{where}, slots")
    if number != int(number) or number < 1:
        raise InvalidDocument(f"{where}: {number:g} is no number of tasks that a worker does at the same time")
    return int(number)


def _process(framework: Framework, process: Process, options: Mapping[str, Scalar]) -> ProcessPlan:
    where = f"framework {framework.name}, process {process.name}"
    return ProcessPlan(
        framework=framework.name,
        name=process.name,
        title=process.title or process.name,
        image=render_text(process.image, options, f"{where}, image"),
        command=tuple(render_text(word, options, f"{where}, command") for word in process.command),
        environment=_texts(process.environment, options, f"{where}, environment"),
        files=tuple(
            file.model_copy(update={"content": render_text(file.content, options, f"{where}, file {file.path}")})
            for file in process.files
        ),
        ports=tuple(
            port.model_copy(update={"headers": _texts(port.headers, options, f"{where}, port {port.name}")})
            for port in process.ports
        ),
        core=_count(process.instances.core, options, f"{where}, core"),
        elastic=_count(process.instances.elastic, options, f"{where}, elastic"),
        resources=_resources(process, options, where),
        readiness=process.readiness,
        restart=process.restart,
        shutdown=process.shutdown,
        after=tuple(f"{framework.name}.{other}" for other in process.after),
        placement=process.placement,
    )


def _texts(texts: Mapping[str, str], options: Mapping[str, Scalar], where: str) -> dict[str, str]:
    return {name: render_text(text, options, f"{where}, {name}") for name, text in texts.items()}


def _count(source: Any, options: Mapping[str, Scalar], where: str) -> int:
    number = render_number(source, options, where)
    if number != int(number) or not 0 <= number <= MAX_INSTANCES:
        raise InvalidDocument(f"{where}: {number:g} is no count of instances between 0 and {MAX_INSTANCES}")
    return int(number)


def _resources(process: Process, options: Mapping[str, Scalar], where: str) -> Resources:
    template = process.resources
    try:
        memory = parse_bytes(render_value(template.memory, options, f"{where}, memory"))
    except ValueError as error:
        raise InvalidDocument(f"{where}, memory: {error}") from error
    cpu = render_number(template.cpu, options, f"{where}, cpu")
    gpu = render_number(template.gpu, options, f"{where}, gpu")
    if cpu < 0 or memory < 0 or gpu < 0 or gpu != int(gpu):
        raise InvalidDocument(f"{where}: resources are not negative, and gpu is a whole number")
    return Resources(cpu=cpu, memory=memory, gpu=int(gpu))
