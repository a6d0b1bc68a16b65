"""Attaching through the true road: a Hub's service, its REST interface, and the framework's client in this process."""

from __future__ import annotations

import asyncio
import importlib.util
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any

from hubs import CHECKOUT, Hub
from report import wait_until
from typing_extensions import Self

sys.path.insert(0, str(CHECKOUT))

from zoe_hub.client import ZoeClient
from zoe_hub.model.commands import Submit
from zoe_hub.model.execution import ExecutionState


class Kernel:
    """What a notebook does, without the notebook: one client of the service, and modules loaded once."""

    def __init__(self, hub: Hub, user: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._client = ZoeClient(f"{hub.url}/services/zoe", hub.user(user))
        self._modules: dict[str, ModuleType] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.run_until_complete(self._client.close())
        self._loop.close()

    @contextmanager
    def attached(self, zapp: str, **parameters: Any) -> Iterator[tuple[dict[str, Any], Callable[[int], None]]]:
        """The names that attaching gives, and a function that waits for so many workers; terminated at the end."""
        run = self._loop.run_until_complete
        execution = run(self._client.submit(Submit(zapp=zapp, parameters=parameters)))
        try:
            run(self._client.wait(execution.id, lambda view: view.state is ExecutionState.RUNNING, timeout=300))
            connection = run(self._client.connection(execution.id)).clients[0]
            module = self._module(connection.source)
            names = module.connect(dict(connection.connection))

            def workers(count: int) -> None:
                run(self._client.wait(execution.id, lambda view: view.ready >= count, timeout=300))

            try:
                yield names, workers
            finally:
                module.disconnect(names)
        finally:
            run(self._client.terminate(execution.id))
            wait_until(lambda: run(self._client.execution(execution.id)).state.ended, "The cluster's end")

    def _module(self, source: str) -> ModuleType:
        if source not in self._modules:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder, "client.py")
                path.write_text(source)
                description = importlib.util.spec_from_file_location("zoe_framework_client", path)
                assert description is not None
                assert description.loader is not None
                module = importlib.util.module_from_spec(description)
                description.loader.exec_module(module)
            self._modules[source] = module
        return self._modules[source]
