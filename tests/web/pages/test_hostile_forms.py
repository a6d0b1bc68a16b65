"""What no form of ours sends: it is refused in words, before it costs anything, and changes nothing."""

from __future__ import annotations

import json

import httpx
import pytest

from tests.web.conftest import PREFIX, Site, Starter, client_of
from tests.web.test_audit import lines_until

PAGE = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "none"}
FORM = {**PAGE, "Content-Type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize("token", [None, "alice-token"])
@pytest.mark.parametrize(
    ("body", "status", "sentence"),
    [
        (b"next=" + b"a" * 70_000, 413, "64 KiB"),
        (b"a&" * 20_000, 413, "500 fields"),
        (b"next=%ff", 400, "Unicode"),
    ],
    ids=["large", "many", "binary"],
)
async def test_a_form_that_is_none_is_refused_whoever_sends_it(
    site: Site, start: Starter, token: str | None, body: bytes, status: int, sentence: str
) -> None:
    """A megabyte of fields took a second of the thread that answers everybody, and anybody could send it."""
    execution = await start()
    async with client_of(site, token) as somebody:
        answer = await somebody.post(f"{site.url}executions/{execution}/terminate", content=body, headers=FORM)
    assert answer.status_code == status
    assert sentence in answer.text
    assert (await site.context.store.get(execution)).desired.value == "running"


@pytest.mark.parametrize("media", ["multipart/form-data; boundary=x", "application/json", "text/plain"])
async def test_a_form_is_of_one_kind(site: Site, start: Starter, alice: httpx.AsyncClient, media: str) -> None:
    place = f"{site.url}executions/{await start()}/terminate"
    answer = await alice.post(place, content=b"--x\r\n\r\n--x--", headers={**PAGE, "Content-Type": media})
    assert answer.status_code == 415
    assert "application/x-www-form-urlencoded" in answer.text


@pytest.mark.parametrize("size", ["9" * 5000, "1" * 30, "-1", "1e400", "{{ workers }}"])
async def test_a_size_that_is_none_is_refused_in_words(
    site: Site, start: Starter, alice: httpx.AsyncClient, size: str
) -> None:
    """Python reads no number of more than 4,300 digits, and says so by an error of its own."""
    execution = await start()
    fields = {"parameter": "workers", "value": size}
    answer = await alice.post(f"{site.url}executions/{execution}/scale", data=fields, headers=PAGE)
    assert answer.status_code == 422, answer.text
    assert (await site.context.store.get(execution)).parameters == {}


@pytest.mark.parametrize("wanted", ["%2e%2e/%2e%2e/hub/logout", ".%2E/hub", "..", "a/..?x", "..#x"])
async def test_a_form_leads_to_our_own_pages_however_the_way_out_is_written(
    site: Site, start: Starter, alice: httpx.AsyncClient, wanted: str
) -> None:
    place = f"{site.url}executions/{await start()}/terminate"
    answer = await alice.post(place, data={"next": PREFIX + wanted})
    assert answer.headers["Location"] == f"{PREFIX}?done=terminate"


async def test_who_is_refused_a_quota_is_in_the_trail_though_the_name_is_no_text(
    site: Site, admin: httpx.AsyncClient
) -> None:
    async with client_of(site, "bob-token") as bob:
        refused = await bob.post(f"{site.url}admin/quotas/edit?kind=user&name=%ff", headers=PAGE)
    assert refused.status_code == 403
    lines = await lines_until(admin, bool, who="bob")
    assert (lines[0]["outcome"], lines[0]["target"]) == ("refused", "\N{REPLACEMENT CHARACTER}")


async def test_the_address_of_the_confirmation_leads_to_the_choice(site: Site, admin: httpx.AsyncClient) -> None:
    answer = await admin.get(f"{site.url}admin/terminate", headers=PAGE)
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{PREFIX}admin/executions")


async def test_an_address_that_is_no_text_is_refused_in_words(site: Site, alice: httpx.AsyncClient) -> None:
    for query in ("?done=%ff", "?text=%ff", "?live=%ff"):
        answer = await alice.get(site.url + query, headers=PAGE)
        assert answer.status_code in (200, 400)
        assert "nonce-" in answer.headers["Content-Security-Policy"]


async def test_of_long_logs_the_end_is_shown(site: Site, start: Starter, alice: httpx.AsyncClient) -> None:
    execution = await start()
    lines = [f"line {number} {'x' * 100}" for number in range(9000)]
    site.written.texts["toy.head", 0] = "\n".join(lines).encode()
    text = (await alice.get(f"{site.url}executions/{execution}/logs", headers=PAGE)).text
    assert "line 8999" in text
    assert "line 1 " not in text
    assert "too long to be shown whole" in text
    assert len(text) < 600_000
    assert json.dumps(lines[-1])[1:-1] in text
