"""Executions that only exist in memory, as a service would have them, without an engine."""

from __future__ import annotations

import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any


def process(framework: str, name: str, core: int, elastic: int = 0, placement: str = "backend") -> dict[str, Any]:
    resources = {"cpu": 1.0, "memory": 2**30, "gpu": 0}
    return {
        "framework": framework, "name": name, "title": name.title(), "core": core, "elastic": elastic,
        "resources": resources, "placement": placement,
    }  # fmt: skip


class Problem(Exception):
    def __init__(self, status: int, kind: str, detail: str, **more: Any) -> None:
        super().__init__(detail)
        self.status = status
        self.document = {
            "type": f"urn:zoe:problem:{kind}", "title": kind, "status": status, "detail": detail, **more,
        }  # fmt: skip


class FakeExecutions(ABC):
    """Starts at once what it is asked for, as far as `capacity` workers go."""

    def __init__(self, *, capacity: int = 8) -> None:
        self.capacity = capacity
        self.executions: dict[str, dict[str, Any]] = {}
        self.events: list[dict[str, Any]] = []
        self.keys: dict[str, str] = {}

    @abstractmethod
    def soon(self, function: Callable[[], Any]) -> None:
        """Let it happen after what is happening now."""

    @abstractmethod
    def tell(self) -> None:
        """There is a new event."""

    def emit(self, execution: dict[str, Any], kind: str, **data: Any) -> None:
        now = datetime.now(timezone.utc).isoformat()
        execution["updated"] = now
        self.events.append(
            {
                "seq": len(self.events) + 1,
                "time": now,
                "owner": execution["owner"],
                "execution": execution["id"],
                "kind": kind,
                "data": data,
            }
        )
        self.tell()

    def move(self, execution: dict[str, Any], state: str, reason: str = "") -> None:
        before, execution["state"], execution["reason"] = execution["state"], state, reason
        if state in ("terminated", "failed", "completed"):
            execution["ended"] = datetime.now(timezone.utc).isoformat()
        self.emit(execution, "execution.state_changed", before=before, after=state, reason=reason)

    deleted = 0
    """The highest number of an event that is not kept any more."""

    def delete(self, name: str) -> None:
        """Forget what has ended."""
        execution = self.executions.pop(self.find(name)["id"])
        self.deleted = max(event["seq"] for event in self.events if event["execution"] == execution["id"])

    def find(self, name: str) -> dict[str, Any]:
        named = [e for e in self.executions.values() if e["name"] == name]
        found = self.executions.get(name) or next((e for e in named if not e["ended"]), None) or (named or [None])[-1]
        if found is None:
            raise Problem(404, "UnknownName", f"There is no execution named {name!r}.")
        return found

    def plan(self, body: dict[str, Any]) -> dict[str, Any]:
        zapp = body.get("zapp")
        if zapp not in ("spark", "lab", "jupyterlab-spark"):
            raise Problem(404, "UnknownName", f"There is no ZApp named {zapp!r}. Did you mean 'spark'?")
        parameters = {"workers": 2, **body.get("parameters", {})}
        try:
            workers = parameters["workers"] = int(parameters["workers"])
        except ValueError:
            raise Problem(422, "InvalidParameter", "workers: no whole number", parameter="workers") from None
        if workers > 100:
            raise Problem(
                422, "InvalidParameter", f"workers: {workers} is out of bounds: from 0 to 100", parameter="workers"
            )
        processes = [process("spark", "master", 1), process("spark", "worker", min(workers, 1), max(workers - 1, 0))]
        if zapp != "spark":
            processes.append(process("jupyter", "server", 1, placement="server"))
        return {
            "zapp": zapp, "title": "Spark", "category": "interactive", "parameters": parameters, "scales": "workers",
            "attachable": zapp != "lab", "processes": processes,
        }  # fmt: skip

    def submit(self, body: dict[str, Any], key: str) -> dict[str, Any]:
        if key in self.keys:
            return self.executions[self.keys[key]]
        plan = self.plan(body)
        identifier = uuid.uuid4().hex[:12]
        name = body.get("name") or f"{plan['zapp']}-{len(self.executions) + 1}"
        if any(e["name"] == name and not e["ended"] for e in self.executions.values()):
            raise Problem(409, "Conflict", f"You have an execution named {name!r} already.")
        now = datetime.now(timezone.utc).isoformat()
        execution = self.executions[identifier] = {
            "id": identifier, "owner": "alice", "name": name, "zapp": plan["zapp"], "parameters": plan["parameters"],
            "plan": plan, "desired": "running", "state": "queued", "reason": "", "granted": {}, "instances": [],
            "attachment": body.get("attachment"), "created": now, "updated": now, "ended": None, "live": {},
            "ui": [{"process": "spark.master", "port": "ui", "title": "Spark", "url": "/services/zoe/x/ui/"}],
        }  # fmt: skip
        self.keys[key] = identifier
        self.emit(execution, "execution.submitted")
        self.soon(lambda: self.begin(execution))
        return execution

    def begin(self, execution: dict[str, Any]) -> None:
        """What happens after a submission."""
        self.admit(execution)
        self.run(execution)

    def admit(self, execution: dict[str, Any]) -> None:
        self.grant(execution)
        self.move(execution, "starting", execution["reason"])

    def run(self, execution: dict[str, Any]) -> None:
        self.bring(execution)
        self.move(execution, "running", execution["reason"])

    def grant(self, execution: dict[str, Any]) -> None:
        wanted = execution["plan"]["processes"][1]
        number = wanted["core"] + wanted["elastic"]
        given = min(number, self.capacity)
        why = f"{given} of {number} workers: no room for {number - given} more (1 CPU, 2 GiB each)"
        reason = "" if given == number else why
        granted = {"spark.master": 1, "spark.worker": given}
        if granted != execution["granted"]:
            execution["granted"] = granted
            self.emit(execution, "execution.granted", granted=granted, reason="")
        if reason != execution["reason"]:
            execution["reason"] = reason
            self.emit(execution, "execution.waiting", reason=reason)

    def bring(self, execution: dict[str, Any]) -> None:
        for key, number in execution["granted"].items():
            there = [i for i in execution["instances"] if i["process"] == key]
            for ordinal in range(len(there), number):
                self.report(execution, key, ordinal, "ready")
            for instance in there[number:]:
                execution["instances"].remove(instance)
                self.emit(
                    execution, "instance.state_changed", process=key, ordinal=instance["ordinal"], state="stopped"
                )

    def report(self, execution: dict[str, Any], key: str, ordinal: int, state: str, **more: Any) -> None:
        known = [i for i in execution["instances"] if (i["process"], i["ordinal"]) == (key, ordinal)]
        instance = known[0] if known else {"execution": execution["id"], "process": key, "ordinal": ordinal}
        if not known:
            execution["instances"].append(instance)
        instance.update({"state": state, "host": "127.0.0.1", "ports": {}, "restarts": 0, **more})
        self.emit(execution, "instance.state_changed", process=key, ordinal=ordinal, state=state)

    def modify(
        self, execution: dict[str, Any], parameters: dict[str, Any], by: str = "alice", reason: str | None = None
    ) -> None:
        merged = {**execution["parameters"], **parameters}
        execution["plan"] = self.plan({"zapp": execution["zapp"], "parameters": merged})
        execution["parameters"] = execution["plan"]["parameters"]
        self.emit(
            execution,
            "execution.scaled",
            parameters=execution["parameters"],
            by=by,
            **({"reason": reason} if reason else {}),
        )
        self.soon(lambda: (self.grant(execution), self.bring(execution)))  # type: ignore[arg-type, return-value]

    def terminate(self, execution: dict[str, Any]) -> None:
        if execution["ended"] or execution["desired"] == "terminated":
            return
        execution["desired"] = "terminated"
        self.emit(execution, "execution.termination_requested", by="alice")

        def end() -> None:
            self.move(execution, "stopping")
            execution["instances"], execution["granted"] = [], {}
            self.move(execution, "terminated")

        self.soon(end)

    def keep(self, execution: dict[str, Any], seconds: int) -> None:
        if seconds > 86_400:
            raise Problem(422, "InvalidParameter", "seconds: it can be kept for at most 24 hours", parameter="seconds")
        until = datetime.now(timezone.utc) + timedelta(seconds=seconds)
        execution["life"] = {"kept_until": until.isoformat() if seconds else None}
        self.emit(execution, "execution.kept")

    def give(self, name: str, number: int, reason: str) -> None:
        """Give it so many workers, as the scheduler does by itself, and say why."""
        execution = self.find(name)
        execution["granted"] = {**execution["granted"], "spark.worker": number}
        execution["reason"] = reason
        self.emit(execution, "execution.granted", granted=execution["granted"], reason=reason)
        self.bring(execution)

    def adapt(self, execution: dict[str, Any], bounds: dict[str, Any] | None, adapted: str = "") -> None:
        """Follow the load between these bounds, or none."""
        if bounds and bounds["maximum"] > 100:
            detail = f"maximum: {bounds['maximum']} is out of bounds: from 0 to 100"
            raise Problem(422, "InvalidParameter", detail, parameter="maximum")
        execution["adaptation"], execution["adapted"] = bounds, adapted
        self.emit(execution, "execution.adapted", **(bounds or {"reason": adapted}), by="alice")

    def resize(self, name: str, workers: int, reason: str) -> None:
        """Another size, because of its load."""
        execution = self.find(name)
        execution["adapted"] = reason
        self.modify(execution, {"workers": workers}, "adaptation", reason)

    def warn(self, name: str, seconds: float = 300) -> None:
        """Say that its end is near."""
        execution = self.find(name)
        expires = (datetime.now(timezone.utc) + timedelta(seconds=seconds)).isoformat()
        advice = "use it, or keep it for up to 24 hours"
        execution["life"] = {"expires": expires, "why": "idle for 60 minutes", "advice": advice}
        execution["plan"]["lifetime"] = {"detached_idle": 3600, "keep": 86_400}
        self.emit(execution, "execution.expiring", expires=expires)

    def restart(self, name: str, process_key: str = "spark.master") -> None:
        """Let an instance die and come back."""
        execution = self.find(name)

        def work() -> None:
            self.report(execution, process_key, 0, "restarting", restarts=1)
            self.move(execution, "degraded")
            self.report(execution, process_key, 0, "ready", restarts=1)
            self.move(execution, "running")

        self.soon(work)
