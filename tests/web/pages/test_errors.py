"""What a browser is shown where something does not work: why, and a way on."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

from tests.web.conftest import PREFIX, Site, Starter, client_of
from zoe_hub.model.errors import ServiceUnavailable

PAGE = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "none"}


@pytest.mark.parametrize(
    ("path", "status", "sentence"),
    [
        ("executions/nothing", 404, "nothing"),
        ("admin/executions", 403, "custom:zoe:admin:executions"),
        ("no/such/page", 404, "There is nothing at this address."),
    ],
)
async def test_a_page_that_cannot_be_shown_says_why_and_leads_back(
    site: Site, alice: httpx.AsyncClient, path: str, status: int, sentence: str
) -> None:
    answer = await alice.get(site.url + path, headers=PAGE)
    assert answer.status_code == status
    assert sentence in answer.text
    assert f'href="{PREFIX}static/pages.css"' in answer.text
    assert re.search(rf'<a class="btn btn-zoe" href="{PREFIX}">', answer.text)
    assert "nonce-" in answer.headers["Content-Security-Policy"]


async def test_a_form_that_was_refused_leads_back_to_its_page(
    site: Site, start: Starter, alice: httpx.AsyncClient
) -> None:
    place = f"{PREFIX}executions/{await start()}"
    fields = {"parameter": "workers", "value": "5000", "next": place}
    answer = await alice.post(f"{site.url}{place.removeprefix(PREFIX)}/scale", data=fields, headers=PAGE)
    assert answer.status_code == 422
    assert f'<a class="btn btn-zoe" href="{place}">Go back</a>' in answer.text


async def test_what_may_work_later_can_be_tried_again(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(*_: Any) -> None:
        raise ServiceUnavailable("JupyterHub could not be asked who you are; try again in a minute.")

    monkeypatch.setattr(type(site.context.identities), "identify", away)
    async with client_of(site, "alice-token") as alice:
        answer = await alice.get(f"{site.url}?live=false", headers=PAGE)
    assert answer.status_code == 503
    assert "could not be asked who you are" in answer.text
    assert f'<a class="btn btn-primary" href="{PREFIX}?live=false">Try again</a>' in answer.text


async def test_a_script_that_logs_in_finds_its_token_and_nothing_else(site: Site) -> None:
    async with client_of(site, None, cookies={"login": "alice-token"}) as browser:
        answer = await browser.get(f"{site.url}session", headers=PAGE)
        assert "frame-ancestors 'self'" in answer.headers["Content-Security-Policy"]
        found = re.search(r'data-xsrf="([^"]+)"', answer.text)
        assert found is not None
        asked = {"X-XSRFToken": found[1], "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}
        plan = await browser.post(f"{site.api}/plans", json={"zapp": "toys"}, headers=asked)
        assert plan.status_code == 200, plan.text
