"""The Hub service: wires store, back end, controller and web, and runs them in one process."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import time
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tornado.httpserver import HTTPServer
from traitlets import Bool, Unicode
from traitlets.config import Application

from . import __version__, logs
from .backends.base import Backend
from .backends.observed import ObservedBackend
from .catalogue import Catalogue, shipped_folder
from .composition import rescale
from .config import ZoeConfig, check_names, mistakes_told, read_file
from .controller.adaptation import Adaptations
from .controller.audit_retention import AuditRetention
from .controller.belonging import Belonging
from .controller.controller import Controller
from .controller.executions import LiveExecutions
from .controller.leadership import Leadership
from .controller.live import LiveFigures
from .controller.lives import Lives
from .controller.orphans import Orphans
from .controller.outlooks import Outlooks
from .controller.patience import surely
from .controller.quotas import QuotaWatch
from .controller.retention import Retention
from .engines import ENGINES, make_backend
from .garbage import collect_seldom
from .hub_servers import HubServers
from .listening import BoundedServer, raise_file_limit
from .metrics import Metrics
from .model.durations import parse_seconds
from .model.errors import NotPermitted, ServiceUnavailable, ZoeError
from .model.plan import Plan
from .model.quotas import Limits
from .parent import parent_ended
from .quota_file import QuotaFile
from .secrets import Secrets
from .store.base import Lease, Store
from .store.quotas import QuotaSource
from .store.sql import SQLStore
from .web import Identities, WebContext, make_app
from .web import Limits as RequestLimits
from .web.addresses import networks

log = logging.getLogger(__name__)

MAX_FORM = 2**16
"""Bytes of a request's body, where a handler does not allow for more. Tornado reads it before we know who sends it."""


class ZoeHub(Application):
    """Zoe's Hub service. JupyterHub starts it; it needs nothing but its home folder."""

    name = "zoe-hub"
    version = __version__
    description = __doc__
    classes = [ZoeConfig, *ENGINES]
    config_file = Unicode("", help="Configuration file (Python or JSON) with `c.ZoeConfig` settings.").tag(config=True)
    terminate_all = Bool(False, help="End every execution, wait until all are gone, and exit.").tag(config=True)
    end_with_parent = Bool(
        False, help="End when the program ends that started the service. JupyterHub starts it anew when it is back."
    ).tag(config=True)
    moved = Bool(
        False, help="The machine, or folder, where executions ran before is gone for good: start them here."
    ).tag(config=True)
    aliases = {"config": "ZoeHub.config_file", "home": "ZoeConfig.home", "port": "ZoeConfig.port"}
    flags = {
        "terminate-all": (
            {"ZoeHub": {"terminate_all": True}},
            "End every execution, wait until all are gone, and exit. The service must not be running.",
        ),
        "end-with-parent": (
            {"ZoeHub": {"end_with_parent": True}},
            "End when the program ends that started the service, as JupyterHub does.",
        ),
        "moved": (
            {"ZoeHub": {"moved": True}},
            "The machine, or folder, where executions ran before is gone for good: start them here.",
        ),
        "allow-root": (
            {"ZoeConfig": {"allow_root": True}},
            "Let the service, and with it users' clusters, run as root.",
        ),
    }

    def initialize(self, argv: list[str] | None = None) -> None:
        """Read the command line and the configuration file."""
        super().initialize(argv)
        path = self.config_file or os.environ.get("ZOE_CONFIG_FILE", "")
        with mistakes_told():
            if path:
                self.update_config(read_file(Path(path).absolute()))
                self.parse_command_line(argv)
            check_names(self.config, (type(self), *self.classes))
            self.settings = ZoeConfig(parent=self)
            for engine in ENGINES:
                engine(parent=self)

    def start(self) -> None:
        """Run until SIGTERM or SIGINT. Raises NotPermitted as root, unless that is allowed."""
        self.check_user()
        logs.configure(self.settings.log_format, logging.getLevelName(self.settings.log_level.upper()))
        with _writing_below(self.settings.home):
            Path(self.settings.home).mkdir(parents=True, exist_ok=True, mode=0o700)
            self.settings.data_folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        collect_seldom()
        asyncio.run(self._main())

    def check_user(self) -> None:
        """Raise NotPermitted as root, unless that is allowed, or clusters run as somebody else."""
        if self.settings.engine != "local":
            return
        if os.geteuid() == 0 and not (self.settings.allow_root or self.terminate_all):
            raise NotPermitted(
                "The service runs as root, so the code of every user's cluster would too. Run the hub as another user, "
                "or say configure(c, allow_root=True) where every user may be root."
            )

    def public_prefix(self) -> str:
        """Where browsers find the service."""
        return os.environ.get("JUPYTERHUB_SERVICE_PREFIX", "/services/zoe/")

    def identities(self) -> Identities:
        """Who says who is calling."""
        from .web.identity import HubIdentities
        from .web.logins import Logins

        # The same for all services of the home folder.
        return HubIdentities(Logins(Secrets.load(self.settings.key_file).token("service", "web", "login")))

    def listen(self, server: HTTPServer) -> str:
        """Open the door; where it is. Raises ServiceUnavailable."""
        where = urlsplit(os.environ.get("JUPYTERHUB_SERVICE_URL", f"http://127.0.0.1:{self.settings.port}"))
        try:
            server.listen(where.port or 0, where.hostname or "127.0.0.1")
        except OSError as error:
            raise ServiceUnavailable(
                f"The service cannot listen at {where.netloc}: {error.strerror}. End the program that does, or say "
                "another port in jupyterhub_config.py: configure(c, service_url='http://127.0.0.1:PORT')."
            ) from error
        return where.netloc

    def led_tasks(self, service: Service, store: Store, backend: Backend) -> Sequence[Coroutine[Any, Any, None]]:
        """What goes on beside the controller, and like it in the service that leads only. `store` is the leader's."""
        settings, servers, prefix = self.settings, HubServers(), self.public_prefix()
        catalogue, secrets, executions = service.catalogue, service.secrets, service.executions
        lives = Lives(store, secrets, prefix=prefix, executions=executions, interval=settings.lives_interval)

        def resized(plan: Plan, parameters: Mapping[str, Any]) -> Plan:
            catalogue.refresh()
            return rescale(plan, parameters, catalogue.frameworks)

        adaptations = Adaptations(
            store,
            secrets,
            resized,
            prefix=prefix,
            executions=executions,
            interval=settings.adaptation_interval,
            hold=parse_seconds(settings.adaptation_hold),
        )
        retention = Retention(store, backend, days=settings.keep_ended, most=settings.max_ended)
        tasks = [lives.run(), adaptations.run(), retention.run(), AuditRetention(store, days=settings.audit_days).run()]
        if not servers.known:
            return tasks
        orphans = Orphans(
            store,
            servers,
            executions=executions,
            interval=settings.server_interval,
            patience=settings.server_patience,
        )
        return [*tasks, orphans.run()]

    def further_tasks(self, store: Store) -> Sequence[Coroutine[Any, Any, None]]:
        """What else goes on while the service runs; the service ends with the first that does."""
        return ()

    async def _main(self) -> None:
        settings = self.settings
        catalogue = Catalogue([shipped_folder(), *map(Path, settings.folders)])
        for folder in catalogue.missing:
            log.warning("There is no folder %s, which c.ZoeConfig.folders names; it is read once it is there", folder)
        with _writing_below(settings.home):
            secrets = Secrets.load(settings.key_file)
        metrics = Metrics(lambda: catalogue.zapps)
        quota_file = QuotaFile(Path(settings.quotas_file).absolute() if settings.quotas_file else None)
        default = Limits(executions=settings.max_executions or None)
        source = QuotaSource(quota_file.quotas, default, settings.scheduler().cluster.cores_first)
        store = SQLStore(settings.database_address, quotas=source, timed=metrics.transaction)
        await store.open()
        try:
            service = Service(self, catalogue, secrets, metrics, store, quota_file)
            if self.terminate_all:
                await service.terminate_all()
            else:
                await service.belonging.check(store)
                await self._serve(service)
        finally:
            await store.close()

    async def _serve(self, service: Service) -> None:
        settings, prefix, store = self.settings, self.public_prefix(), service.store
        live = LiveFigures(service.executions, service.secrets, prefix=prefix, interval=settings.live_interval)
        # Never opened: what it is asked, it knows whoever leads.
        engine = ObservedBackend(make_backend(settings, service.catalogue), service.metrics)
        context = WebContext(
            store=store,
            catalogue=service.catalogue,
            secrets=service.secrets,
            identities=self.identities(),
            logs=engine,
            wake=service.wake,
            live=live.get,
            nodes=engine.nodes,
            outlooks=Outlooks(
                service.executions,
                engine.nodes,
                settings.scheduler,
                time.time,
                QuotaWatch(store, time.time),
                settings.group_weights,
            ),
            public_prefix=_address(prefix),
            limits=make_limits(settings),
            metrics=service.metrics,
            metrics_from_here=settings.metrics_on_loopback,
            proxies=networks(settings.trusted_proxies),
            engine=lambda: service.leadership.role,
            trouble=service.trouble,
            lifetimes=settings.lifetimes,
            quota_file=service.quota_file,
        )
        # Kept across restarts, so that browsers stay logged in and open forms stay good.
        web = make_app(context, {"cookie_secret": service.secrets.token("service", "web", "cookie")})
        server = BoundedServer(web, xheaders=True, max_body_size=MAX_FORM, files=raise_file_limit())
        where = self.listen(server)
        log.info("Zoe %s answers at %s%s", __version__, where, prefix)
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        ends = [stop.wait(), *([parent_ended()] if self.end_with_parent else [])]
        stopping = [asyncio.ensure_future(end) for end in ends]
        work = (service.leadership.run(), live.run(), *self.further_tasks(store))
        tasks = [asyncio.create_task(each) for each in work]
        try:
            done, _ = await asyncio.wait([*tasks, *stopping], return_when=asyncio.FIRST_COMPLETED)
            for task in done - set(stopping):
                task.result()
        finally:
            server.stop()
            if settings.terminate_on_exit and stop.is_set() and service.leadership.role == "open":
                await service.end_all()
            for task in [*tasks, *stopping]:
                task.cancel()
            await asyncio.gather(*tasks, *stopping, return_exceptions=True)
            await server.close_all_connections()
            await web.settings["close"]()
            await engine.close()


class Service:
    """What a service does with the engine while it leads; see `Leadership`."""

    def __init__(
        self,
        app: ZoeHub,
        catalogue: Catalogue,
        secrets: Secrets,
        metrics: Metrics,
        store: SQLStore,
        quota_file: QuotaFile,
    ) -> None:
        self.catalogue = catalogue
        self.quota_file = quota_file
        self.secrets = secrets
        self.metrics = metrics
        self.store = store
        self.executions = LiveExecutions(store)
        settings = app.settings
        self.belonging = Belonging(secrets, app.moved, settings.instances_folder)
        self.leadership = Leadership(
            store,
            self._lead,
            seconds=settings.lease,
            renewal=settings.lease_renewal,
            end_stopped=store.in_file,
        )
        self._app = app
        self._controller: Controller | None = None
        self._backend: Backend | None = None

    def trouble(self) -> str:
        """Why nothing can be started, where this service leads and knows it."""
        return self._backend.trouble() if self._backend is not None else ""

    def wake(self) -> None:
        """Let the controller look, if it is here; elsewhere it hears of it through the store."""
        if self._controller is not None:
            self._controller.wake()

    async def _lead(self, lease: Lease) -> None:
        settings, prefix = self._app.settings, self._app.public_prefix()
        store = self.store.led_by(lease)
        # A new one for each term: nothing that an earlier one believed is carried over.
        self._backend = backend = ObservedBackend(make_backend(settings, self.catalogue), self.metrics)
        self.executions.forget()
        tasks: list[asyncio.Task[None]] = []
        try:
            await surely(lambda: self.belonging.settle(store), "Nobody knows yet whose the database is")
            with _writing_below(settings.home):
                await backend.open(lease.number)
            self._controller = controller = Controller(
                store,
                backend,
                self.secrets,
                prefix=prefix,
                interval=settings.round_interval,
                metrics=self.metrics,
                executions=self.executions,
                scheduler=settings.scheduler,
                weights=settings.group_weights,
            )
            work = (controller.run(), *self._app.led_tasks(self, store, backend))
            tasks += [asyncio.create_task(each) for each in work]
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            self._controller = self._backend = None
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await backend.close()

    async def end_all(self) -> None:
        """Terminate every execution, and return when all have ended. This service must lead, or come to."""
        for execution in await self.store.list(live=True, limit=None):
            await self.store.terminate(execution.id, by="the end of the service")
        self.wake()
        while await self.store.list(live=True, limit=1):
            await self.store.wait(await self.store.last_seq(), 0.5)

    async def terminate_all(self) -> None:
        """Lead for as long as `end_all` takes. Raises ServiceUnavailable while another service leads."""
        leading = asyncio.create_task(self.leadership.run())
        patience = asyncio.create_task(asyncio.sleep(2 * self._app.settings.lease))
        try:
            while self.leadership.role != "open":
                await asyncio.wait({leading, patience}, timeout=0.05, return_when=asyncio.FIRST_COMPLETED)
                if leading.done():
                    leading.result()
                if patience.done():
                    raise ServiceUnavailable("Another Zoe service runs; stop it first, or let it do this.")
            ending = asyncio.create_task(self.end_all())
            await asyncio.wait({leading, ending}, return_when=asyncio.FIRST_COMPLETED)
            for task in (leading, ending):
                if task.done():
                    task.result()
        finally:
            for task in (leading, patience):
                task.cancel()
            await asyncio.gather(leading, patience, return_exceptions=True)


@contextmanager
def _writing_below(home: str) -> Iterator[None]:
    """Tell administrators which folder the service must be able to use."""
    try:
        yield
    except OSError as error:
        raise ServiceUnavailable(
            f"The service cannot use {error.filename or home}: {error.strerror}. Its user must be able to write "
            f"everywhere below {home}, or be given another folder as ZOE_HOME."
        ) from error


def _address(prefix: str) -> str:
    """With its host, where JupyterHub says which: it may not be the one of users' servers."""
    public = os.environ.get("JUPYTERHUB_PUBLIC_URL", "")
    return public if urlsplit(public).path == prefix else prefix


def make_limits(settings: ZoeConfig) -> RequestLimits:
    """What one caller may use of the service."""
    return RequestLimits(
        zapps=settings.max_zapps,
        streams=settings.max_streams,
        rate=settings.request_rate,
        burst=settings.request_burst,
    )


def main(argv: list[str] | None = None) -> None:
    """Entry point. What an administrator can mend is one sentence, not a traceback."""
    app: Any = ZoeHub()
    try:
        app.initialize(argv)
        app.start()
    except ZoeError as error:
        sys.exit(f"zoe-hub: {error}")
