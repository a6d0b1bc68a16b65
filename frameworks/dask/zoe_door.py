"""The scheduler's web pages: behind a token, and loaded when somebody first looks.

Bokeh takes over a second to import. A cluster whose dashboard nobody opens never pays for it,
and one that is opened does not wait for it while it starts.
"""

from __future__ import annotations

import asyncio
import hmac
import importlib
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

    def find_handler(self, request: httputil.HTTPServerRequest, **kwargs: Any) -> httputil.HTTPMessageDelegate | None:
        given = request.headers.get("Authorization", "").encode()
        if not hmac.compare_digest(given, self.expected):
            return self.refusing.find_handler(request, **kwargs)
        if self.loaded is None or not self.loaded.done():
            known = self.pages.find_handler(request, **kwargs)
            if known is not None and not issubclass(known.handler_class, web.ErrorHandler):
                return known
            return self.loading.find_handler(request, **kwargs)
        return self.pages.find_handler(request, **kwargs)

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
        await self.door.load(self.scheduler)
        # Relative, because this server does not know under which path the browser sees it.
        name = self.request.path.rsplit("/", 1)[-1]
        self.redirect("./" + name + (f"?{self.request.query}" if self.request.query else ""))


class Figures(web.RequestHandler):
    """What Zoe shows of a cluster, counted without a walk over all tasks."""

    def initialize(self, scheduler: Scheduler) -> None:
        self.scheduler = scheduler

    def get(self) -> None:
        workers = self.scheduler.workers.values()
        groups = self.scheduler.task_groups.values()
        self.write(
            {
                "workers": len(workers),
                "cores": sum(worker.nthreads for worker in workers),
                "running": sum(group.states["processing"] for group in groups),
                "waiting": sum(
                    group.states[state] for group in groups for state in ("waiting", "queued", "no-worker")
                ),
                "memory": sum(worker.metrics.get("memory", 0) for worker in workers),
            }
        )


def install(scheduler: Scheduler, token: str) -> None:
    """Put the door before a scheduler's HTTP server. To be called before the event loop runs on."""
    scheduler.http_application.add_handlers(r".*", [(r"/zoe\.json", Figures, {"scheduler": scheduler})])
    scheduler.http_server.request_callback = Door(scheduler, token)
