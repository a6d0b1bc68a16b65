from __future__ import annotations

from types import SimpleNamespace

import pytest

from tests.client.fakes import TOKEN, FakeZoe
from zoe_server_ext.relay import Relay
from zoe_server_ext.surroundings import for_kernels, local_url, server_name


def serverapp(**more):
    values = {"base_url": "/", "sock": "", "certfile": "", "ip": "localhost", "port": 8888}
    identity = SimpleNamespace(token="of-the-server")
    return SimpleNamespace(identity_provider=identity, **(values | more))


@pytest.mark.parametrize(
    ("app", "environment", "url"),
    [
        ({}, {}, "http://localhost:8888/"),
        ({"ip": "0.0.0.0", "base_url": "/user/alice"}, {}, "http://127.0.0.1:8888/user/alice/"),
        ({"ip": "::1"}, {}, "http://[::1]:8888/"),
        ({"certfile": "cert.pem"}, {}, "https://localhost:8888/"),
        ({"sock": "/run/j.sock", "base_url": "/b/"}, {}, "http+unix://%2Frun%2Fj.sock/b/"),
        (
            {"base_url": "/user/alice/", "port": 0},
            {"JUPYTERHUB_SERVICE_URL": "https://0.0.0.0:4321/user/alice/"},
            "https://127.0.0.1:4321/user/alice/",
        ),
    ],
)
def test_where_kernels_reach_their_server(app, environment, url):
    assert local_url(serverapp(**app), environment) == url


def test_under_the_hub_kernels_use_the_servers_own_token():
    environment = {"JUPYTERHUB_API_TOKEN": "of-the-hub"}
    assert for_kernels(serverapp(), environment, server="alice/")["ZOE_API_TOKEN"] == "of-the-hub"
    assert for_kernels(serverapp(), {}, server="")["ZOE_API_TOKEN"] == "of-the-server"


def test_the_name_of_the_server():
    hub = {"JUPYTERHUB_USER": "alice", "JUPYTERHUB_SERVER_NAME": "big"}
    assert server_name(hub) == "alice/big"
    assert server_name(hub | {"ZOE_SERVER": "alice/other"}) == "alice/other"
    assert server_name({"JUPYTERHUB_USER": "alice"}) == "alice/"
    assert server_name({}) == ""


def test_a_relay_does_not_show_its_token():
    relay = Relay.from_environment({"ZOE_URL": "http://hub/services/zoe/", "JUPYTERHUB_API_TOKEN": "secret"})
    assert relay.url == "http://hub/services/zoe"
    assert "secret" not in repr(relay)


async def test_a_relay_asks_with_the_servers_own_token():
    with FakeZoe() as zoe:
        for name in ("JUPYTERHUB_API_TOKEN", "ZOE_TOKEN"):
            relay = Relay.from_environment({"ZOE_URL": zoe.url, name: TOKEN})
            async with relay.ask("GET", "/me", "", {}, b"") as answer:
                assert answer.status_code == 200


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"attachment": null}', b'{"attachment": {"server": "x/"}}'])
def test_what_needs_nothing_stays_as_it_was(body):
    assert Relay("http://hub", "", "alice/").fill_in("POST", "/executions", body) == body
