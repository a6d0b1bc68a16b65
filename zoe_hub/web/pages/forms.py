"""What the pages' forms send. Each runs an operation of the interface and leads back to a page."""

from __future__ import annotations

import re
from typing import Any

from pydantic import ValidationError

from ...model.commands import KeepAlive, Modify
from ...model.errors import InvalidParameter
from ...model.validation import first_fault
from ..api.executions import detach_execution, modify_execution, terminate_execution
from ..api.lives import keep_execution
from ..callers import Caller
from ..operations import Operation
from .page import Asker, Run, address, operation_of


class Form(Asker):
    """A form's end. The audit trail has the operation's own line, whichever road it took."""

    audits = True
    run: Run
    done = "saved"
    """What the page says afterwards."""

    @property
    def operation_name(self) -> str:
        return self.operation.id

    @property
    def operation(self) -> Operation:
        """The operation that the form asks for."""
        return operation_of(type(self).run)

    async def post(self, **path: str) -> None:
        caller = await self.require_caller()
        if caller is None:
            return
        self.context.catalogue.refresh()
        await self.act(caller, path)
        self.go()

    async def act(self, caller: Caller, path: dict[str, str]) -> None:
        """Do it. Raises what the operation raises."""
        await self.ask(type(self).run, caller, path=path, body=self.body())

    def body(self) -> Any:
        """The operation's body, from the form's fields."""
        return None

    def go(self) -> None:
        """Back to where the form was, if that is one of our pages."""
        self.redirect(address(self.own_address(self.get_body_argument("next", "")), done=self.done), status=303)


class Terminate(Form):
    """The button beside an execution."""

    run = staticmethod(terminate_execution)
    done = "terminate"


class Detach(Form):
    """Let it live on without its notebook."""

    run = staticmethod(detach_execution)


class Scale(Form):
    """Another value of the parameter that scales it."""

    run = staticmethod(modify_execution)

    def body(self) -> Modify:
        name, value = self.get_body_argument("parameter", ""), self.get_body_argument("value", "").strip()
        # Stored as it is given: a number as a number.
        return Modify(parameters={name: int(value) if re.fullmatch("[0-9]{1,18}", value) else value})


class Keep(Form):
    """Keep it, though idle, for a while."""

    run = staticmethod(keep_execution)

    def body(self) -> KeepAlive:
        try:
            return KeepAlive(seconds=self.get_body_argument("seconds", ""))
        except ValidationError as error:
            raise InvalidParameter("seconds", first_fault(error).sentence) from None
