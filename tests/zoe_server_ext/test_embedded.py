"""Without a Hub: a real Jupyter server, its user's own service, real processes."""

from __future__ import annotations

import asyncio
import http.client
import os
import re
import signal
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from jupyter_server.auth import passwd
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import websocket_connect

from tests.cli.running import run_zoe
from tests.zoe_server_ext.embedded import end, make_server, pid_of_service, running, services_of, start, state, until
from tests.zoe_server_ext.servers import TOKEN, Server
from zoe_hub.nearby import runtime


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("own") / "home"
    yield folder
    end(folder)


@pytest.fixture(scope="module")
def server(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with make_server(tmp_path_factory.mktemp("server"), home) as running:
        yield running


@pytest.fixture(scope="module")
def bell(server: Server) -> str:
    """Address of a page of a cluster."""
    return f"http://127.0.0.1:{server.port}{start(server.http, 'bell')['ui'][0]['url']}"


@contextmanager
def browser(server: Server) -> Iterator[httpx.Client]:
    """Logged in at the server, by its cookie."""
    with httpx.Client(base_url=server.url, follow_redirects=True, trust_env=False, timeout=30) as client:
        client.get("login", params={"token": TOKEN})
        yield client


def test_a_notebook_that_wants_no_cluster_starts_no_service(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with make_server(tmp_path / "server", home) as server:
        assert server.run_in_kernel("print(6 * 7)") == "42\n"
        assert not (home / "service.json").exists()
        assert not (home / "data").exists()


def test_a_kernel_attaches_a_cluster(server: Server) -> None:
    printed = server.run_in_kernel(
        "from zoe_widgets import Zoe; c = Zoe().attach('bell', workers=1); print('is', bell); c.scale(2);\n"
        "print(c.workers); c.terminate(); print(c.state)"
    )
    assert re.search(r"is \d\d\n", printed), printed
    assert printed.endswith("2\nterminated\n"), printed


def test_everything_is_the_users_alone(server: Server, home: Path, bell: str) -> None:
    for folder in (home, home / "data", home / "log", home / "servers"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700, folder
    found = runtime.running(home)
    assert found is not None
    for file in (home / "service.json", home / "log" / "service.log", home / "data" / "zoe.sqlite", Path(found.socket)):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    assert found.token not in repr(found)
    command = Path(f"/proc/{found.pid}/cmdline").read_bytes()
    assert found.token.encode() not in command
    assert found.token not in (home / "log" / "service.log").read_text() + server.log


def test_the_token_of_kernels_opens_zoe_and_nothing_else(server: Server) -> None:
    token = server.run_in_kernel("import os; print(os.environ['ZOE_API_TOKEN'])").strip()
    assert token != TOKEN
    with httpx.Client(base_url=server.url, headers={"Authorization": f"Bearer {token}"}, trust_env=False) as kernel:
        assert kernel.get("zoe/api/v1/me").status_code == 200
        assert kernel.post("zoe/api/v1/plans", json={"zapp": "bell"}).status_code == 200
        assert kernel.get("api/contents").status_code == 403
    with httpx.Client(base_url=server.url, headers={"Authorization": "Bearer no"}, trust_env=False) as stranger:
        assert stranger.get("zoe/api/v1/me").status_code == 403


def test_kernels_of_a_server_with_a_password_have_their_own_way_in(home: Path, tmp_path: Path) -> None:
    """Such a server has no token that it could give to its kernels."""
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "jupyter_server_config.py").write_text(
        f"c.PasswordIdentityProvider.hashed_password = {passwd('sesame', 'sha1')!r}\nc.IdentityProvider.token = ''\n"
    )
    with make_server(tmp_path, home, JUPYTER_TOKEN="") as protected:
        assert httpx.get(f"{protected.url}zoe/api/v1/me").status_code == 403
        log_in(protected)
        printed = protected.run_in_kernel("from zoe_widgets import Zoe; print(len(Zoe().shop()) > 0)")
        assert printed == "True\n"


def log_in(server: Server) -> None:
    del server.http.headers["Authorization"]
    server.http.get("login")
    xsrf = server.http.cookies["_xsrf"]
    server.http.post("login", data={"password": "sesame", "_xsrf": xsrf})
    server.http.headers["X-XSRFToken"] = xsrf


def test_pages_are_relayed_to_who_is_logged_in(server: Server, bell: str) -> None:
    with browser(server) as alice:
        answer = alice.get(bell, headers={"X-Own": "kept"})
    assert answer.status_code == 200, answer.text
    seen = {name.lower(): value for name, value in answer.json()["headers"].items()}
    assert seen["x-own"] == "kept"
    assert len(seen["x-word"]) > 20
    assert not {"cookie", "authorization", "x-zoe-xsrf"} & set(seen)
    assert "stolen" not in str(answer.headers)
    stranger = httpx.get(bell)
    assert stranger.status_code in (302, 403)


def test_a_page_may_send_what_another_sites_page_may_not(server: Server, bell: str) -> None:
    with browser(server) as alice:
        own = alice.post(bell, content=b"abc", headers={"Origin": server.url.rstrip("/").partition("/user")[0]})
        assert (own.status_code, own.text) == (200, "cba")
        assert alice.post(bell, content=b"abc", headers={"Origin": "http://evil.example"}).status_code == 403
        assert alice.post(bell, content=b"abc").status_code == 403


async def test_websockets_are_relayed(server: Server, bell: str) -> None:
    address = bell.replace("http", "ws", 1).removesuffix("echo") + "socket"
    socket = await websocket_connect(HTTPRequest(address, headers={"Authorization": f"token {TOKEN}"}))
    await socket.write_message("abc")
    assert await socket.read_message() == "cba"
    await socket.write_message(b"\x00\xff", binary=True)
    assert await socket.read_message() == b"\xff\x00"
    socket.close()
    with pytest.raises(HTTPClientError, match="403"):
        await websocket_connect(address)
    with browser(server) as alice:
        cookies = "; ".join(f"{name}={value}" for name, value in alice.cookies.items())
    foreign = {"Cookie": cookies, "Origin": "http://evil.example"}
    with pytest.raises(HTTPClientError, match="403"):
        await websocket_connect(HTTPRequest(address, headers=foreign))


async def test_a_websocket_whose_browser_leaves_while_it_is_opened_is_closed(server: Server, bell: str) -> None:
    place = urlsplit(bell.removesuffix("echo") + "late")
    headers = {"Authorization": f"token {TOKEN}"}
    async with httpx.AsyncClient(headers=headers, trust_env=False, timeout=30) as alice:
        tower = bell.removesuffix("echo") + "bell"

        async def seen(last: str) -> None:
            for _ in range(600):
                if (await alice.get(tower)).json()["seen"][-1:] == [last]:
                    return
                await asyncio.sleep(0.05)
            raise AssertionError(f"the page never saw it {last}")

        _, browser = await asyncio.open_connection(place.hostname, place.port)
        browser.write(
            f"GET {place.path} HTTP/1.1\r\nHost: {place.netloc}\r\nAuthorization: token {TOKEN}\r\n"
            "Upgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
        )
        await seen("asked")
        browser.close()
        for _ in range(10):  # the leaving is noticed meanwhile
            await alice.get(tower)
        assert (await alice.post(tower, headers={"Origin": server.url.rstrip("/").partition("/user")[0]})).is_success
        await seen("closed")


async def test_an_authorizer_of_the_servers_is_asked_about_every_request(home: Path, tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "jupyter_server_config.py").write_text(
        "from jupyter_server.auth import Authorizer\n"
        "class Looking(Authorizer):\n"
        "    def is_authorized(self, handler, user, action, resource):\n"
        "        return action == 'read'\n"
        "c.ServerApp.authorizer_class = Looking\n"
    )
    with make_server(tmp_path, home) as server:
        assert server.http.get("zoe/").status_code == 200
        assert server.http.post("zoe/executions/none/terminate").status_code == 403
        assert server.http.get("zoe/").status_code == 200
        address = server.url.replace("http", "ws", 1) + "zoe/executions/none/ui/bell/page/socket"
        with pytest.raises(HTTPClientError, match="403"):
            await websocket_connect(HTTPRequest(address, headers={"Authorization": f"token {TOKEN}"}))


def test_the_page_of_executions_and_its_button(server: Server) -> None:
    begun = start(server.http, "to-end")
    action = f"zoe/executions/{begun['id']}/terminate"
    with browser(server) as alice:
        page = alice.get("zoe")
        assert page.status_code == 200
        assert f'action="{server.base}{action}"' in page.text
        xsrf = re.search(r'<form id="zoe-actions".*?name="_xsrf" value="([^"]+)"', page.text, re.DOTALL)
        assert xsrf is not None
        assert alice.post(action, data={}).status_code == 403
        assert state(server.http, "to-end") == "running"
        assert alice.post(action, data={"_xsrf": xsrf[1]}).status_code == 200
    until(lambda: state(server.http, "to-end") == "terminated")


def test_paths_that_climb_are_refused(server: Server) -> None:
    # Not by httpx, which makes such paths straight.
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    for path in ("zoe/executions/../../api", "zoe/api/v1/../../../api", "zoe/%2e%2e/api"):
        connection.request("GET", f"{server.base}{path}", headers={"Authorization": f"token {TOKEN}"})
        answer = connection.getresponse()
        assert answer.status in (400, 404), path
        answer.read()
    connection.close()


def test_clusters_end_with_their_server_and_others_stay(home: Path, server: Server, tmp_path: Path) -> None:
    assert server.http.get("zoe/api/v1/me").status_code == 200
    with make_server(tmp_path, home, base="/second/") as second:
        tied = start(second.http, "tied", kernel="k")
        page = tied["ui"][0]["url"]
        assert page.startswith(f"{server.base}zoe/")
        assert second.http.get(f"http://127.0.0.1:{second.port}{page}").status_code == 200
        start(second.http, "free")
        assert state(server.http, "tied") == "running"
        second.kill()
        until(lambda: state(server.http, "tied") == "terminated")
        assert state(server.http, "free") == "running"
        second.http.close()
    server.http.delete("zoe/api/v1/executions/free")
    until(lambda: state(server.http, "free") == "terminated")


def test_a_service_that_is_killed_is_replaced_and_clusters_stay(home: Path, server: Server) -> None:
    before = start(server.http, "lasting", kernel="k")
    pid = pid_of_service(home)
    os.kill(pid, signal.SIGKILL)
    until(lambda: not runtime.is_running(home))
    after = until(lambda: running(server.http, "lasting"))
    assert pid_of_service(home) != pid
    assert [(i["ports"], i["restarts"]) for i in after["instances"]] == [
        (i["ports"], i["restarts"]) for i in before["instances"]
    ]
    server.http.delete("zoe/api/v1/executions/lasting")
    until(lambda: state(server.http, "lasting") == "terminated")


def test_a_service_of_an_older_zoe_is_replaced(home: Path, server: Server, tmp_path: Path) -> None:
    before = start(server.http, "older")
    found = runtime.running(home)
    assert found is not None
    replace(found, version="0.0.9").write(home)
    with make_server(tmp_path, home) as upgraded:
        answer = upgraded.http.get("zoe/api/v1/me")
        assert answer.status_code == 200, answer.text
        assert pid_of_service(home) != found.pid
        after = until(lambda: running(upgraded.http, "older"))
        assert after["instances"] == before["instances"]
    server.http.delete("zoe/api/v1/executions/older")
    until(lambda: state(server.http, "older") == "terminated")


def test_the_command_line_finds_it_from_anywhere(home: Path, server: Server, tmp_path: Path) -> None:
    start(server.http, "seen")
    listed = run_zoe("ls", ZOE_HOME=str(home))
    assert (listed.returncode, "seen" in listed.stdout) == (0, True), listed.stderr
    ended = run_zoe("terminate", "seen", "--yes", ZOE_HOME=str(home))
    assert ended.stdout == "seen is terminated.\n", ended.stderr
    away = run_zoe("ls", ZOE_HOME=str(tmp_path / "other"))
    assert (away.returncode, "none runs for" in away.stderr.replace("\n", " ")) == (3, True)


def test_two_servers_that_ask_at_once_get_one_service(tmp_path: Path) -> None:
    home = tmp_path / "home"
    try:
        with make_server(tmp_path / "a", home) as one, make_server(tmp_path / "b", home) as other:
            with ThreadPoolExecutor(2) as both:
                asked = [both.submit(each.http.get, "zoe/api/v1/me") for each in (one, other)]
                assert [each.result().status_code for each in asked] == [200, 200]
            # Whoever came second to the lock ends; how soon is the machine's affair.
            until(lambda: services_of(home) == [pid_of_service(home)])
        until(lambda: not runtime.is_running(home))
        assert not (home / "service.json").exists()
    finally:
        end(home)


def test_what_both_left_behind_is_ended_by_the_next_server(tmp_path: Path) -> None:
    """As after a power cut: nobody could say good-bye."""
    home = tmp_path / "home"
    try:
        with make_server(tmp_path / "a", home) as first:
            start(first.http, "orphan", kernel="k")
            os.kill(pid_of_service(home), signal.SIGKILL)
            first.kill()
        until(lambda: runtime.was_cut_short(home))  # a process that is killed goes a moment later
        with make_server(tmp_path / "b", home) as next_one:
            until(lambda: runtime.is_running(home))
            until(lambda: state(next_one.http, "orphan") == "terminated")
    finally:
        end(home)


def test_a_setting_that_is_wrong_is_a_sentence_in_the_servers_log(tmp_path: Path) -> None:
    with make_server(tmp_path / "server", tmp_path / "home", "--ZoeConfig.cpus=many") as server:
        assert server.http.get("zoe/api/v1/shop").status_code == 503
        assert "A setting of c.ZoeConfig is not as it should be" in server.log
