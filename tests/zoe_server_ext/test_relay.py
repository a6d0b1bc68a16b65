from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
import pytest

from tests.client.fakes import TOKEN as SERVICE_TOKEN
from tests.client.fakes import FakeZoe
from tests.zoe_server_ext.servers import TOKEN, Server
from zoe_hub.client import ZoeClient
from zoe_hub.model.commands import Submit
from zoe_hub.model.errors import ServiceUnavailable, UnknownName
from zoe_hub.model.execution import Attachment, ExecutionState
from zoe_server_ext.relay import Relay, without_token


@pytest.fixture(scope="module")
def zoe() -> Iterator[FakeZoe]:
    with FakeZoe() as service:
        yield service


@pytest.fixture(scope="module")
def server(zoe: FakeZoe, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("server")
    with Server(folder, ZOE_URL=zoe.url, ZOE_TOKEN=SERVICE_TOKEN, ZOE_SERVER="alice/") as running:
        yield running


def test_a_request_is_relayed_with_the_servers_token_and_not_the_callers(server, zoe):
    zoe.requests.clear()
    assert server.http.get("zoe/api/v1/me").json()["name"] == "alice"
    ((_, _, headers, _),) = zoe.requests
    assert headers["Authorization"] == f"Bearer {SERVICE_TOKEN}"


def test_a_wish_about_the_answer_is_relayed(server, zoe):
    zoe.requests.clear()
    assert server.http.get("zoe/api/v1/me", headers={"Prefer": "return=representation"}).status_code == 200
    ((_, _, headers, _),) = zoe.requests
    assert headers["Prefer"] == "return=representation"


def test_an_attachment_is_told_which_server_it_is_and_the_address_is_ours(server, zoe):
    body = {"zapp": "spark", "attachment": {"server": "", "kernel": "k"}}
    response = server.http.post("zoe/api/v1/executions", json=body, headers={"Idempotency-Key": "one"})
    assert response.status_code == 202
    assert response.json()["attachment"] == {"server": "alice/", "kernel": "k"}
    assert response.headers["Location"] == f"/user/alice/zoe/api/v1/executions/{response.json()['id']}"
    again = server.http.post("zoe/api/v1/executions", json=body, headers={"Idempotency-Key": "one"})
    assert again.json()["id"] == response.json()["id"]
    path = f"zoe/api/v1/executions/{response.json()['id']}/attachment"
    assert server.http.put(path, json={"kernel": "other"}).json()["attachment"]["server"] == "alice/"
    assert server.http.put(path, json={"server": "alice/b"}).json()["attachment"]["server"] == "alice/b"


async def test_the_client_cannot_tell_the_relay_from_the_service(server, zoe):
    async with ZoeClient(f"{server.url}zoe", TOKEN) as client:
        attachment = Attachment(server="", kernel="k")
        view = await client.submit(Submit(zapp="spark", attachment=attachment))
        view = await client.wait(view.id, lambda v: v.state is ExecutionState.RUNNING)
        assert b"".join([chunk async for chunk in client.logs(view.id)]) == zoe.log
        await client.detach(view.id)
        await client.terminate(view.id)
        await client.wait(view.id, lambda v: v.state.ended)
        with pytest.raises(UnknownName, match="There is no execution named 'nothing'"):
            await client.execution("nothing")


def test_whoever_goes_away_is_not_followed_any_longer(server, zoe):
    with server.http.stream("GET", "zoe/api/v1/events", headers={"Last-Event-ID": "0"}) as stream:
        assert next(stream.iter_raw())
        zoe.wait_for_follower()
    zoe.wait_for_nobody()


def test_strangers_are_refused_with_a_problem(server):
    response = httpx.get(f"{server.url}zoe/api/v1/me")
    assert response.status_code == 403
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.json()["status"] == 403


def test_a_page_of_another_site_is_refused(server):
    """A cookie alone starts nothing: the request must prove that it comes from our own pages."""
    with httpx.Client(base_url=server.url, follow_redirects=True) as browser:
        browser.get("login", params={"token": TOKEN})
        response = browser.post("zoe/api/v1/executions", json={"zapp": "spark"})
    assert response.status_code == 403
    assert "_xsrf" in response.json()["detail"]


def test_the_callers_token_in_the_address_goes_no_further(server, zoe):
    zoe.requests.clear()
    response = httpx.get(f"{server.url}zoe/api/v1/executions?live=true&token={TOKEN}")
    assert response.status_code == 200
    assert TOKEN not in json.dumps([headers for _, _, headers, _ in zoe.requests])


def test_paths_that_climb_are_refused(server):
    transport = httpx.Client(base_url=server.url)
    request = transport.build_request("GET", "zoe/api/v1/x", headers={"Authorization": f"token {TOKEN}"})
    request.url = request.url.copy_with(raw_path=b"/user/alice/zoe/api/v1/../../hub/api")
    assert transport.send(request).status_code in (400, 404)


def test_kernels_and_terminals_find_their_server(server):
    printed = server.run_in_kernel(
        "import os; print(os.environ['ZOE_API_URL'], os.environ['ZOE_API_TOKEN'], os.environ['ZOE_SERVER'])"
    )
    assert printed == f"{server.url}zoe {TOKEN} alice/\n"


def test_a_kernel_attaches_through_its_server(server, zoe):
    printed = server.run_in_kernel(
        "from zoe_widgets import Zoe; cluster = Zoe().attach('spark', name='real'); print(box.open); cluster.detach()"
    )
    assert "True" in printed, printed
    assert zoe.find("real")["state"] == "running"


def test_the_log_holds_no_token(server):
    assert TOKEN not in server.log.replace(f"token={TOKEN}", "")
    assert SERVICE_TOKEN not in server.log


def test_a_service_that_is_away_is_a_sentence(tmp_path):
    with FakeZoe() as gone:
        url = gone.url
    with Server(tmp_path, ZOE_URL=url, ZOE_TOKEN=SERVICE_TOKEN) as server:
        response = server.http.get("zoe/api/v1/shop")
    assert response.status_code == 503
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.json()["detail"].startswith("Zoe's service could not be reached")


async def test_a_server_without_zoe_says_so_at_once(tmp_path):
    with Server(tmp_path, "--ZoeEmbedded.enabled=False") as server:
        async with ZoeClient(f"{server.url}zoe", TOKEN) as client:
            with pytest.raises(ServiceUnavailable, match="Zoe is not set up here"):
                await client.shop()
        assert server.run_in_kernel("import os; print('ZOE_API_URL' in os.environ)") == "False\n"


def test_a_server_on_a_unix_socket(zoe, tmp_path):
    path = tmp_path / "s"
    with Server(tmp_path, socket_path=path, ZOE_URL=zoe.url, ZOE_TOKEN=SERVICE_TOKEN) as server:
        printed = server.run_in_kernel(
            "from zoe_widgets import Zoe; print([c.name for c in Zoe().attachments], len(Zoe().shop()))"
        )
    assert printed == "[] 1\n"


@pytest.mark.parametrize(
    ("query", "goes_on"),
    [
        ("live=true&token=word", "live=true"),
        ("%74oken=word&live=true", "live=true"),
        ("%74%6F%6b%65%6E=word", ""),
        ("tokens=2&token", "tokens=2"),
        ("q=token=word", "q=token=word"),
    ],
)
def test_the_servers_token_goes_nowhere_however_its_name_is_written(query: str, goes_on: str) -> None:
    assert without_token(query) == goes_on


@pytest.mark.parametrize("body", [b"[" * 200_000, b'{"attachment":' * 200_000, b"{", b"[1]", b'{"attachment": [1]}'])
def test_a_body_that_is_none_is_the_services_to_refuse(body: bytes) -> None:
    relay = Relay("http://127.0.0.1:1", "token", "alice/")
    assert relay.fill_in("POST", "/executions", body) == body
