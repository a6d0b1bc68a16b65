"""What users call: `Zoe` and `Cluster`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from zoe_hub.model.errors import InvalidRequest, ZoeError

from .adapting import adapt, stop_adapting
from .attaching import attach, swap
from .calls import Base, Shown, read_logs, run
from .errors import shorten
from .quotas import Quota
from .scaling import scale
from .show import Executions, LogText, Shop, card

if TYPE_CHECKING:
    from .aio import AsyncZoe


class Cluster(Shown):
    """A cluster attached to this notebook. As a context manager, it is terminated at the end."""

    def scale(self, number: int, *, wait: bool = True, timeout: float | None = None) -> Cluster:
        """Change the number of workers, also while a job runs; return itself.

        Waits until the new workers are ready, or are known not to be granted; when there are fewer than before, until
        those that go have handed over their work. Raises TimeoutError after `timeout` seconds; the wish stays.
        """
        run(lambda caller: scale(self._core, caller, self._attached, number, wait, timeout))
        return self

    def adapt(self, minimum: int, maximum: int, *, hold: int | float | str | None = None) -> Cluster:
        """Let its number of workers follow its load between these bounds; return itself at once.

        It grows while tasks wait, and gives workers back when fewer have been enough for `hold` (seconds, or text such
        as ``"10 min"``; by default as the service is set). The data of workers that go are handed over. `scale` ends
        it, and so does `stop_adapting`. Raises InvalidParameter, which names the bound that cannot be, and
        InvalidRequest for a ZApp that does not say how much it has to do.
        """
        run(lambda _: adapt(self._core.client, self._attached, minimum, maximum, hold))
        return self

    def stop_adapting(self) -> Cluster:
        """Let it stay as large as it is; return itself. Where it follows no load, nothing."""
        run(lambda _: stop_adapting(self._core.client, self._attached))
        return self

    def swap(
        self,
        zapp: str | None = None,
        /,
        *,
        name: str | None = None,
        timeout: float | None = None,
        adapt: bool = False,
        parameters: Mapping[str, Any] | None = None,
        **values: Any,
    ) -> Cluster:
        """A new cluster (of the same ZApp, if none is named) takes over the names; then this one is terminated.

        If the new one does not come, this one stays as it is. Takes and raises the same as `Zoe.attach`. With `adapt`,
        the new one follows its load between the same bounds as this one.
        """
        given = {**(parameters or {}), **values}
        return Cluster(
            self._core,
            run(lambda caller: swap(self._core, caller, self._attached, zapp, name, given, timeout, adapt=adapt)),
        )

    def keep(self, span: int | float | str) -> Cluster:
        """Keep it, though idle, for so long from now: seconds, or text such as ``"2h"``; return itself.

        0 takes that back. Raises InvalidParameter, which names the bound, for more than it may be kept.
        """
        run(lambda _: self._core.keep(self._attached, span))
        return self

    def detach(self) -> None:
        """Disconnect this notebook and take back the names. The cluster lives on; `Zoe.connect` finds it."""
        run(lambda caller: self._core.detach(caller, self._attached))

    def terminate(self) -> None:
        """End the cluster; returns when nothing of it runs any more. A second call does nothing."""
        run(lambda caller: self._core.terminate(caller, self._attached))

    def refresh(self) -> Cluster:
        """Ask how it is now; return itself."""
        run(lambda _: self._core.refresh(self._attached))
        return self

    def logs(
        self, process: str | None = None, ordinal: int | None = None, *, tail: int | None = 100, follow: bool = False
    ) -> LogText:
        """What its instances wrote. With `follow`, prints until it ends or you interrupt."""
        return read_logs(self._core, self.id, process, ordinal, tail, follow)

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *_: object) -> None:
        self.terminate()

    def _repr_html_(self) -> str:
        if not self.view.state.ended:
            try:
                self.refresh()
            except (ZoeError, TimeoutError) as error:
                return card(self.view, self.names, note=str(error))
        return super()._repr_html_()


class Zoe(Base):
    """Clusters for this notebook.

    Without arguments it finds Zoe through the notebook's server. Raises ServiceUnavailable where there is none.
    All methods raise the errors of `zoe_hub.model.errors`.
    """

    def _repr_mimebundle_(self, **_: object) -> dict[str, Any]:
        """Live cards of what is attached to this notebook, where it can show them; else a table."""
        from .widget import bundle_for_all

        attached = Executions(cluster.view for cluster in self.attachments)
        return bundle_for_all(self._core, attached._repr_html_(), f"{self!r}\n{attached!r}")

    @property
    def aio(self) -> AsyncZoe:
        """The same, to be awaited."""
        from .aio import AsyncZoe

        return AsyncZoe(self._core.settings.url, self._core.settings.token)

    def attach(
        self,
        zapp: str,
        /,
        *,
        name: str | None = None,
        timeout: float | None = None,
        outlive: bool = False,
        lifetime: Mapping[str, int | float | str] | None = None,
        expected: int | float | str | None = None,
        parameters: Mapping[str, Any] | None = None,
        **values: Any,
    ) -> Cluster:
        """Start a cluster and connect this notebook to it: its names (`spark`, `client`) are in the namespace then.

        `zapp` is a name of the shop, `values` are its parameters (`parameters` takes those that are called like one of
        ours). Waits until the cluster's core runs; workers that are not granted yet come later. It ends with this
        kernel or its server, unless `outlive`; `lifetime` is how long it lives, where that is to differ from what the
        ZApp says: ``{"idle": "2h", "maximum": "1 day"}``; `expected` is how long you think that you need it, such as
        ``"2h"``, by which others' waiting is foreseen. Raises UnknownName, InvalidParameter or CapacityExceeded
        when it cannot be, ExecutionEnded with the reason and the last log lines when its start fails, and
        TimeoutError after `timeout` seconds. An interrupted, late or failed start leaves no cluster behind. After a
        kernel's restart, the first call with the same arguments gives the cluster that is attached already.
        """
        given = {**(parameters or {}), **values}
        made = run(
            lambda caller: attach(
                self._core, caller, zapp, name, given, timeout, outlive=outlive, lifetime=lifetime, expected=expected
            )
        )
        return Cluster(self._core, made)

    def connect(self, name: str, *, timeout: float | None = None, outlive: bool | None = None) -> Cluster:
        """Attach a cluster that exists (by name or identifier) to this notebook, and connect.

        `outlive` as in `attach`; by default what it was before.
        """
        return Cluster(self._core, run(lambda caller: self._core.connect(caller, name, timeout, outlive=outlive)))

    @property
    def attachments(self) -> list[Cluster]:
        """What is attached to this notebook."""
        return [Cluster(self._core, attached) for attached in self._core.attachments]

    def executions(self, *, live: bool | None = True) -> Executions:
        """Your executions, newest first; with `live=None` those that have ended as well."""
        return Executions(run(lambda _: self._core.executions(live)))

    def shop(self) -> Shop:
        """What there is to start."""
        return Shop(run(lambda _: self._core.shop()))

    @property
    def quota(self) -> Quota:
        """What you may have, what of it is used, and by what."""
        return Quota(run(lambda _: self._core.client.quota()))

    def logs(
        self,
        name: str,
        process: str | None = None,
        ordinal: int | None = None,
        *,
        tail: int | None = 100,
        follow: bool = False,
    ) -> LogText:
        """What the instances of an execution wrote. With `follow`, prints until it ends or you interrupt."""
        return read_logs(self._core, name, process, ordinal, tail, follow)

    def __iter__(self) -> Iterator[Cluster]:
        return iter(self.attachments)

    def _cluster(self, name: str | None) -> Cluster:
        """An attachment by name, or the only one."""
        if name is not None:
            attached = self._core.attachments.get(name)
            if attached is not None:
                return Cluster(self._core, attached)
        elif len(self._core.attachments) == 1:
            return self.attachments[0]
        known = ", ".join(cluster.name for cluster in self.attachments) or "none"
        wrong = f"{name} is not attached to this notebook" if name else "Name the cluster"
        raise shorten(InvalidRequest(f"{wrong}; attached: {known}."))
