"""The metrics, read as Prometheus reads them, after changes that really happened."""

from __future__ import annotations

import asyncio
import dataclasses
import re
import time
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from zoe_hub.metrics import Metrics
from zoe_hub.model.errors import ServiceUnavailable
from zoe_hub.store.sql import SQLStore
from zoe_hub.web import Caller
from zoe_hub.web.callers import StaticIdentities
from zoe_hub.web.scopes import READ_METRICS

from .conftest import Site, Starter, serve

MONITOR = StaticIdentities(
    {
        "monitor": Caller("prometheus", frozenset({READ_METRICS}), kind="service"),
        "narrowed": Caller("alice", frozenset({f"{READ_METRICS}!user=alice"})),
    }
)
Sample = tuple[str, tuple[tuple[str, str], ...]]


def parsed(text: str) -> dict[Sample, float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def ask(site: Site, token: str | None = "monitor", headers: Any = (), **parts: Any) -> httpx.Response:
    context = dataclasses.replace(site.context, identities=MONITOR, **parts)
    async with serve(context) as (url, _), httpx.AsyncClient(trust_env=False, timeout=20) as client:
        return await client.get(
            f"{url}metrics", headers={**({"Authorization": f"token {token}"} if token else {}), **dict(headers)}
        )


async def test_the_numbers_of_now(site: Site, start: Starter, alice: httpx.AsyncClient) -> None:
    await start()
    await alice.post("/executions", json={"zapp": "toys"})
    answer = await ask(site)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    samples = parsed(answer.text)
    assert samples["zoe_executions", (("state", "running"),)] == 1
    assert samples["zoe_executions", (("state", "queued"),)] == 1
    assert samples["zoe_executions", (("state", "degraded"),)] == 0
    assert samples["zoe_instances", (("state", "ready"),)] == 2
    assert samples["zoe_queue_length", ()] == 1
    assert samples["zoe_queue_oldest_seconds", ()] > 0
    assert samples["zoe_capacity_cpus", ()] == 16
    assert samples["zoe_capacity_memory_bytes", ()] == 2**34
    assert samples["zoe_leader", ()] == samples["zoe_store_up", ()] == 1
    submitted = "zoe_http_request_duration_seconds_count"
    labels = (("code", "202"), ("method", "POST"), ("operation", "submit_execution"))
    assert samples[submitted, labels] == 2
    assert samples["zoe_executions_submitted_total", (("zapp", "own"),)] == 2


async def test_the_store_being_away_is_a_number_too(site: Site) -> None:
    class AwayStore(SQLStore):
        async def list(self, **_: Any) -> Any:
            raise ServiceUnavailable("away")

    samples = parsed((await ask(site)).text)
    assert samples["zoe_store_up", ()] == 1
    answer = await ask(site, store=AwayStore("sqlite://"))
    assert answer.status_code == 200
    samples = parsed(answer.text)
    assert samples["zoe_store_up", ()] == 0
    assert not any(name == "zoe_executions" for name, _ in samples)
    assert samples["zoe_queue_length", ()] != samples["zoe_queue_length", ()]  # no number


async def test_who_may_read_them(site: Site, start: Starter) -> None:
    assert (await ask(site, "monitor")).status_code == 200
    assert (await ask(site, "narrowed")).status_code == 403
    stranger = await ask(site, None)
    assert stranger.status_code == 401
    for token in ("alice-token", "narrowed-token", "service-token"):
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.get(f"{site.url}metrics", headers={"Authorization": f"token {token}"})
        assert answer.status_code == 403, token


async def test_this_machine_may_where_the_settings_say_so(site: Site) -> None:
    assert (await ask(site, None, metrics_from_here=True)).status_code == 200
    rebound = {"Host": "metrics.evil.example"}
    assert (await ask(site, None, headers=rebound, metrics_from_here=True)).status_code == 401
    through_a_proxy = {"X-Forwarded-For": "127.0.0.1"}
    assert (await ask(site, None, headers=through_a_proxy, metrics_from_here=True)).status_code == 401


async def test_no_label_is_a_users(site: Site, start: Starter, alice: httpx.AsyncClient) -> None:
    await start(name="private-name")
    own = {"apiVersion": "zoe/v1", "kind": "ZApp", "name": "private-zapp", "title": "x"}
    await alice.post("/executions", json={"definition": {**own, "frameworks": [{"framework": "toy"}]}})
    await alice.get("/zapps/private-thing")
    await alice.request("PRIVATE", "/me")
    await alice.put("/private/path", json={})
    text = (await ask(site)).text
    assert "private" not in text.lower()
    assert "alice" not in text


async def test_open_streams_are_counted(site: Site, start: Starter) -> None:
    context = dataclasses.replace(site.context, metrics_from_here=True)
    headers = {"Authorization": "token alice-token"}
    async with serve(context) as (url, _), httpx.AsyncClient(trust_env=False, timeout=20, headers=headers) as client:

        async def subscribers() -> float:
            return parsed((await client.get(f"{url}metrics")).text)["zoe_event_subscribers", ()]

        async with client.stream("GET", f"{url}api/v1/events") as answer:
            lines = answer.aiter_lines()
            while not (await anext(lines)).startswith(":"):
                pass
            assert await subscribers() == 1
        while await subscribers() > 0:
            # The service learns of it when it next writes, or reads the end of the connection.
            await asyncio.to_thread(time.sleep, 0.01)


NAME = re.compile(r"zoe_[a-z]+(_[a-z]+)*")
UNITS = ("seconds", "bytes", "cpus", "gpus", "total", "info")
PLAIN = {"zoe_leader", "zoe_store_up", "zoe_executions", "zoe_queue_length", "zoe_instances", "zoe_event_subscribers"}
FORBIDDEN = {"user", "owner", "name", "execution", "path", "id", "le", "quantile", "job", "instance"}


def test_names_are_as_prometheus_wants_them() -> None:
    """What `promtool check metrics` looks at: prefix, base units, `_total` for counters alone, help, labels."""
    for each in Metrics().descriptions:
        assert NAME.fullmatch(each.name), each.name
        assert each.name.rpartition("_")[2] in UNITS or each.name in PLAIN, each.name
        assert each.name.endswith("_total") == (each.kind == "counter"), each.name
        assert each.kind != "histogram" or each.name.endswith("_seconds"), each.name
        assert not each.name.endswith(("_count", "_sum", "_bucket")), each.name
        assert each.kind not in each.name, each.name
        assert len(each.help) > 10, each.name
        assert each.help.endswith("."), each.name
        assert not set(each.labels) & FORBIDDEN, each.name


@pytest.mark.parametrize("accept", ["", "application/openmetrics-text; version=1.0.0"])
async def test_either_form_of_the_text(site: Site, accept: str) -> None:
    answer = await ask(site, headers={"Accept": accept})
    assert answer.headers["Content-Type"].startswith(accept.partition(";")[0] or "text/plain")
    if accept:
        from prometheus_client.openmetrics.parser import text_string_to_metric_families as families

        assert any(family.name == "zoe_leader" for family in families(answer.text))
