"""The spawn page's shop against a service: what is listed, what is remembered, what is refused."""

from __future__ import annotations

import re
from types import SimpleNamespace

import pytest
from tornado.web import HTTPError

from .fakes import PromptZoe, make_spawner
from .hub import Form


async def shown(spawner: object) -> Form:
    return Form.read(await spawner.get_options_form())  # type: ignore[attr-defined]


async def test_only_what_has_a_notebook_is_listed() -> None:
    async with PromptZoe() as zoe:
        assert (await shown(make_spawner(zoe))).choices["zapp"] == ["jupyterlab", "lab-cluster"]


async def test_the_submitted_form_becomes_typed_options_with_a_title() -> None:
    async with PromptZoe() as zoe:
        spawner = make_spawner(zoe)
        options = await spawner.run_options_from_form({"zapp": ["lab-cluster"], "lab-cluster.workers": ["3"]})
        assert options == {"zapp": "lab-cluster", "parameters": {"workers": 3}, "profile": "Lab-Cluster"}


async def test_options_of_the_form_pass_at_start() -> None:
    async with PromptZoe() as zoe:
        spawner = make_spawner(zoe)
        spawner.user_options = await spawner.run_options_from_form({"zapp": ["lab-cluster"]})
        await spawner.start()
        assert zoe.only["zapp"] == "lab-cluster"
        await spawner.stop()


async def test_what_was_refused_is_still_in_the_form() -> None:
    async with PromptZoe() as zoe:
        spawner = make_spawner(zoe)
        with pytest.raises(HTTPError) as caught:
            await spawner.run_options_from_form({"zapp": ["lab-cluster"], "lab-cluster.workers": ["99"]})
        assert caught.value.status_code == 400
        assert "workers: 99 is out of bounds" in caught.value.jupyterhub_message
        assert (await shown(spawner)).fields["lab-cluster.workers"] == "99"
        assert (await shown(spawner)).fields["lab-cluster.workers"] == "2", "a new visit begins anew"


async def test_the_last_choice_is_remembered() -> None:
    async with PromptZoe() as zoe:
        spawner = make_spawner(zoe)
        stored = {"zapp": "lab-cluster", "parameters": {"workers": 5}, "profile": "Lab-Cluster"}
        spawner._trait_values["orm_spawner"] = SimpleNamespace(name="", user_options=stored, server=None)
        form = await shown(spawner)
        assert form.fields["zapp"] == "lab-cluster"
        assert form.fields["lab-cluster.workers"] == "5"


async def test_a_stored_choice_that_makes_no_sense_does_not_spoil_the_page() -> None:
    async with PromptZoe() as zoe:
        spawner = make_spawner(zoe)
        spawner.user_options = {"zapp": 7, "parameters": "x"}
        assert (await shown(spawner)).fields["zapp"] == "jupyterlab"


async def test_with_the_service_away_the_page_says_how_to_go_on() -> None:
    zoe = PromptZoe()
    await zoe.start()
    await zoe.stop()
    html = (await shown(make_spawner(zoe))).html
    assert "could not be reached" in html
    assert "Reload this page in a minute" in html
    assert "Traceback" not in html


async def test_without_configuration_the_page_names_what_is_missing() -> None:
    html = (await shown(make_spawner(PromptZoe(), zoe_token=""))).html
    assert "zoe_hub.hub.configure(c)" in html


PREVIEW = {
    "outlook": "Would have to wait in the queue: 1 CPU is missing.", "starts_now": False,
    "needs": "Needs 0.5 CPU, 1 GiB.",
    "costs": [
        {"dimension": "cpu", "too_much": True, "sentence": "Too much for your quota of 4 CPU."},
        {"dimension": "executions", "too_much": False, "sentence": "Takes 1 execution; 98 stay free."},
    ],
}  # fmt: skip


async def test_what_it_needs_and_costs_is_on_the_page() -> None:
    async with PromptZoe() as zoe:
        zoe.preview = PREVIEW
        html = (await shown(make_spawner(zoe))).html
        for sentence in (PREVIEW["outlook"], PREVIEW["needs"], "Too much for your quota of 4 CPU."):
            assert html.count(str(sentence)) == 2
        assert html.count(" zoe-too-much") == 2 + _styles(html, " zoe-too-much")
        assert "98 stay free" not in html, "of what most people have plenty of, only a lack is told"


async def test_the_browser_is_told_whom_to_ask_for_what_is_typed() -> None:
    async with PromptZoe() as zoe:
        spawner = make_spawner(zoe)
        spawner.hub = SimpleNamespace(base_url="/deep/hub/")
        spawner.handler = SimpleNamespace(settings={"subdomain_host": ""})
        html = (await shown(spawner)).html
        assert 'data-service="/deep/services/zoe/" data-owner="' in html
        hooks = {"subdomain_hook": lambda name, domain, kind: f"{name}--{kind}.{domain}"}
        spawner.handler = SimpleNamespace(settings={"subdomain_host": "https://hub.example:444", **hooks})
        assert 'data-service="https://zoe--service.hub.example:444/deep/services/zoe/"' in (await shown(spawner)).html


async def test_the_shop_is_in_the_language_that_the_browser_prefers() -> None:
    async with PromptZoe() as zoe:
        spawner = make_spawner(zoe)
        spawner.hub = SimpleNamespace(base_url="/hub/")
        request = SimpleNamespace(headers={"Accept-Language": "de-DE, en;q=0.5"})
        spawner.handler = SimpleNamespace(settings={"subdomain_host": ""}, request=request)
        html = (await shown(spawner)).html
        assert "Was soll gestartet werden?" in html
        assert "Optionen von Lab-Cluster" in html


async def test_a_preview_that_cannot_be_told_does_not_spoil_the_page() -> None:
    async with PromptZoe() as zoe:
        zoe.preview = None
        form = await shown(make_spawner(zoe))
        assert form.choices["zapp"] == ["jupyterlab", "lab-cluster"]


def _styles(html: str, words: str) -> int:
    return sum(style.count(words) for style in re.findall(r"<style>.*?</style>|<script>.*?</script>", html, re.DOTALL))
