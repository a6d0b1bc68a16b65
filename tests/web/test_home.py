"""The page that a person sees who opens the service's address."""

from __future__ import annotations

import re

import httpx

from tests.store.writing import stored
from zoe_hub.store.changes import Explained

from .conftest import PREFIX, Site, Starter, client_of

PAGE = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "none"}


async def test_a_stranger_is_sent_to_log_in(site: Site, stranger: httpx.AsyncClient) -> None:
    answer = await stranger.get(site.url, headers=PAGE)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/hub/login")
    assert (await stranger.get(site.url)).status_code == 401


async def test_without_executions_it_says_how_to_start_one(site: Site, alice: httpx.AsyncClient) -> None:
    text = (await alice.get(site.url)).text
    assert "Nothing of yours runs" in text
    assert f'href="{PREFIX}api/v1/openapi.json"' in text


async def test_it_lists_what_is_the_callers_alone(site: Site, start: Starter, bob: httpx.AsyncClient) -> None:
    await start(name="flights")
    await start("bob-token", name="trains")
    answer = await bob.get(site.url)
    assert "trains" in answer.text
    assert "flights" not in answer.text
    assert "Toy pages" in answer.text


async def test_only_what_the_page_names_itself_is_loaded(site: Site, start: Starter, bob: httpx.AsyncClient) -> None:
    await start("bob-token", name="trains")
    answer = await bob.get(site.url)
    policy = answer.headers["Content-Security-Policy"]
    nonces = set(re.findall(r"<(?:script|link rel=\"stylesheet\") nonce=\"([^\"]+)\"", answer.text))
    assert len(nonces) == 1
    assert f"script-src 'nonce-{nonces.pop()}'" in policy
    assert "unsafe" not in policy
    assert not re.search(r"<script(?! nonce=)|\son\w+=|style=|<style", answer.text)


async def test_what_users_and_clusters_write_stays_text(site: Site, start: Starter, alice: httpx.AsyncClient) -> None:
    execution = await start()
    await stored(site.context.store, Explained(execution, "<script>alert(1)</script>"))
    text = (await alice.get(site.url)).text
    assert "<script>" not in text
    assert "&lt;script&gt;" in text


async def test_the_button_terminates_with_the_forms_token_only(site: Site, start: Starter) -> None:
    execution = await start()
    async with client_of(site, None, cookies={"login": "alice-token"}) as browser:
        text = (await browser.get(site.url, headers=PAGE)).text
        action = re.search(r'formaction="([^"]+/terminate)"', text)
        token = re.search(r'name="_xsrf" value="([^"]+)"', text)
        assert action is not None
        assert token is not None
        place = site.url.removesuffix(PREFIX) + action[1]
        assert (await browser.post(place)).status_code == 401
        assert (await browser.post(place, data={"_xsrf": "forged"})).status_code == 401
        answer = await browser.post(place, data={"_xsrf": token[1]})
        assert (answer.status_code, answer.headers["Location"]) == (303, f"{PREFIX}?done=terminate")
    assert (await site.context.store.get(execution)).desired.value == "terminated"


async def test_the_button_ends_nothing_of_others(site: Site, start: Starter, bob: httpx.AsyncClient) -> None:
    execution = await start()
    assert (await bob.post(f"{site.url}executions/{execution}/terminate")).status_code == 404
    assert (await site.context.store.get(execution)).desired.value == "running"


async def test_health_needs_no_caller(site: Site, stranger: httpx.AsyncClient) -> None:
    answer = await stranger.get(f"{site.url}health")
    assert answer.json() == {"status": "ok"}


async def test_an_error_is_a_page_for_a_browser(site: Site, alice: httpx.AsyncClient) -> None:
    answer = await alice.get(f"{site.url}nowhere", headers=PAGE)
    assert answer.status_code == 404
    assert "It is not here" in answer.text
