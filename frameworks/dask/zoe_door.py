"""The scheduler's web pages: behind a token, and loaded when somebody first looks.

Bokeh takes over a second to import. A cluster whose dashboard nobody opens never pays for it,
and one that is opened does not wait for it while it starts.
"""

from __future__ import annotations

import asyncio
import functools
import hmac
import importlib
from collections.abc import Awaitable, Callable
from typing import Any

from distributed import Scheduler
from tornado import httputil, routing, web


class Door(routing.Router):
    """Lets requests with the right token through to the scheduler's own pages, and no others."""

    def __init__(self, scheduler: Scheduler, token: str) -> None:
        self.expected = f"Bearer {token}".encode()
        self.pages = scheduler.http_application
        self.refusing = web.Application([(r".*", Refused)])
        self.loading = web.Application([(r".*", Dashboard, {"scheduler": scheduler, "door": self})])
        self.loaded: asyncio.Future[None] | None = None

    def find_handler(self, request: httputil.HTTPServerRequest, **kwargs: Any) -> httputil.HTTPMessageDelegate:
        given = request.headers.get("Authorization", "").encode()
        if not hmac.compare_digest(given, self.expected):
            return self.refusing.find_handler(request, **kwargs)
        known: httputil.HTTPMessageDelegate = self.pages.find_handler(request, **kwargs)
        missing = issubclass(getattr(known, "handler_class", web.RequestHandler), web.ErrorHandler)
        if missing and not (self.loaded and self.loaded.done()):
            return self.loading.find_handler(request, **kwargs)
        return known

    async def load(self, scheduler: Scheduler) -> None:
        """Join Dask's Bokeh pages to the scheduler's. A second call waits for the first."""
        if self.loaded is None:
            self.loaded = asyncio.get_running_loop().create_future()
            try:
                pages = await asyncio.to_thread(importlib.import_module, "distributed.dashboard.scheduler")
                pages.connect(self.pages, scheduler.http_server, scheduler, prefix="")
            except BaseException as error:
                self.loaded.set_exception(error)
                self.loaded = None
                raise
            self.loaded.set_result(None)
        await asyncio.shield(self.loaded)


class Refused(web.RequestHandler):
    """Says that a token is needed, to every method."""

    def prepare(self) -> None:
        self.set_status(401)
        self.set_header("WWW-Authenticate", "Bearer")
        self.finish("Open this page through your Hub.\n")


class Dashboard(web.RequestHandler):
    """Loads the Bokeh pages, then sends the browser to the page that it asked for."""

    def initialize(self, scheduler: Scheduler, door: Door) -> None:
        self.scheduler = scheduler
        self.door = door

    async def get(self) -> None:
        try:
            await self.door.load(self.scheduler)
        except ImportError as error:
            self.set_status(503)
            self.finish(f"The dashboard needs a package that is not installed: {error}\n")
            return
        # Relative, because this server does not know under which path the browser sees it.
        name = self.request.path.rsplit("/", 1)[-1]
        self.redirect("./" + name + (f"?{self.request.query}" if self.request.query else ""))


class Figures(web.RequestHandler):
    """What Zoe shows of a cluster, counted without a walk over all tasks."""

    def initialize(self, scheduler: Scheduler, requests: Requests) -> None:
        self.scheduler = scheduler
        self.requests = requests

    def get(self) -> None:
        workers = self.scheduler.workers.values()
        groups = self.scheduler.task_groups.values()
        running = sum(group.states["processing"] for group in groups)
        waiting = sum(group.states[state] for group in groups for state in ("waiting", "queued", "no-worker"))
        self.write(
            {
                "workers": len(workers),
                "cores": sum(worker.nthreads for worker in workers),
                "running": running,
                "waiting": waiting,
                "memory": sum(worker.metrics.get("memory", 0) for worker in workers),
                "busy": running + waiting + self.requests.open,
                "done": self.scheduler.transition_counter + self.requests.answered,
                "wanted": self.scheduler.adaptive_target(),
                "occupied": [worker.name for worker in workers if worker.processing],
            }
        )


class Requests:
    """Counts what clients ask for beside tasks: data on its way, and functions that all workers run."""

    OPERATIONS = ("gather", "scatter", "broadcast")

    def __init__(self, scheduler: Scheduler) -> None:
        self.open = 0
        self.answered = 0
        for name in self.OPERATIONS:
            scheduler.handlers[name] = self._counted(scheduler.handlers[name])

    def _counted(self, handler: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        # Dask looks at the signature for what it may pass.
        @functools.wraps(handler)
        async def counted(*args: Any, **kwargs: Any) -> Any:
            self.open += 1
            try:
                return await handler(*args, **kwargs)
            finally:
                self.open -= 1
                self.answered += 1

        return counted


def install(scheduler: Scheduler, token: str) -> None:
    """Put the door before a scheduler's HTTP server. To be called before the event loop runs on."""
    own: list[Any] = [
        (r"/zoe\.json", Figures, {"scheduler": scheduler, "requests": Requests(scheduler)}),
        (r"/", web.RedirectHandler, {"url": "./status"}),
    ]
    scheduler.http_application.add_handlers(r".*", own)
    # Its address would be shown to the user, who can reach the pages only through the Hub.
    del scheduler.services["dashboard"]
    scheduler.http_server.request_callback = Door(scheduler, token)
