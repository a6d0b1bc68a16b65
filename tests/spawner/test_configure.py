"""``configure(c)``: what it gives to a hub's configuration, and what it leaves alone."""

from __future__ import annotations

import stat
from pathlib import Path

import jupyterhub
import pytest
from jupyterhub.services.service import _ServiceSpawner
from jupyterhub.spawner import LocalProcessSpawner
from traitlets.config import Config

from zoe_hub.hub import configure
from zoe_hub.web.scopes import SCOPES, USER_SCOPES

ACCESS = "access:services!service=zoe"

SEEN_OF_THE_HUB = ["read:servers", "read:users:groups"]


def service(c: Config) -> dict[str, object]:
    (found,) = [service for service in c.JupyterHub.services if service["name"] == "zoe"]
    return found


def test_the_service_is_managed_and_listens_on_loopback(tmp_path: Path) -> None:
    c = Config()
    configure(c, home=tmp_path)
    found = service(c)
    assert str(found["url"]).startswith("http://127.0.0.1:")
    assert found["oauth_no_confirm"] is True
    assert found["display"] is True
    assert found["environment"]["ZOE_HOME"] == str(tmp_path)  # type: ignore[index]
    assert set(USER_SCOPES) <= set(found["oauth_client_allowed_scopes"])  # type: ignore[call-overload]
    assert str(found["api_token"]) not in str(found["command"])


def test_the_hubs_navigation_leads_to_zoe_unless_the_administrators_own_does_not(tmp_path: Path) -> None:
    c = Config()
    c.JupyterHub.template_paths = ["/own/templates"]
    configure(c, home=tmp_path)
    configure(c, home=tmp_path)
    own, ours = c.JupyterHub.template_paths
    assert own == "/own/templates"
    assert (Path(ours) / "page.html").is_file()


def test_administrators_have_their_rights_in_the_browser_too(tmp_path: Path) -> None:
    c = Config()
    configure(c, home=tmp_path)
    asked = service(c)["oauth_client_allowed_scopes"]
    assert {"custom:zoe:admin:executions", "custom:zoe:admin:audit", "custom:zoe:admin:quotas"} <= set(asked)  # type: ignore[call-overload]


def test_the_hub_looks_often_whether_its_services_run(tmp_path: Path) -> None:
    """As JupyterHub does it: a service's spawner is made with no configuration of its own."""
    configure(Config(), home=tmp_path)
    assert _ServiceSpawner(cmd=["true"], environment={}, api_token="", oauth_client_id="").poll_interval == 5
    assert LocalProcessSpawner().poll_interval == 30


def test_port_and_token_stay_the_same(tmp_path: Path) -> None:
    first, second = Config(), Config()
    configure(first, home=tmp_path)
    configure(second, home=tmp_path)
    assert service(first) == service(second)


def test_the_token_is_its_owners_alone(tmp_path: Path) -> None:
    home = tmp_path / "zoe"
    configure(Config(), home=home)
    (home / "service-token").chmod(0o644)
    c = Config()
    configure(c, home=home)
    assert stat.S_IMODE((home / "service-token").stat().st_mode) == 0o600
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert len(c.ZoeMixin.zoe_token) >= 32


def test_a_token_that_was_never_written_is_made_again(tmp_path: Path) -> None:
    (tmp_path / "service-token").touch(mode=0o600)
    c = Config()
    configure(c, home=tmp_path)
    assert len(c.ZoeMixin.zoe_token) == 64
    assert sorted(path.name for path in tmp_path.iterdir()) == ["service-port", "service-token"]


def test_two_homes_have_two_tokens(tmp_path: Path) -> None:
    one, two = Config(), Config()
    configure(one, home=tmp_path / "one")
    configure(two, home=tmp_path / "two")
    assert one.ZoeMixin.zoe_token != two.ZoeMixin.zoe_token


def test_what_the_administrator_has_stays(tmp_path: Path) -> None:
    c = Config()
    c.JupyterHub.services = [{"name": "culler"}]
    c.JupyterHub.load_roles = [{"name": "culler", "services": ["culler"], "scopes": ["read:users"]}]
    c.JupyterHub.custom_scopes = {"custom:grades:read": {"description": "Read grades."}}
    configure(c, home=tmp_path)
    assert [service["name"] for service in c.JupyterHub.services] == ["culler", "zoe"]
    assert c.JupyterHub.load_roles[0]["name"] == "culler"
    assert set(c.JupyterHub.custom_scopes) == {"custom:grades:read", *SCOPES}


def test_what_was_only_appended_stays_too(tmp_path: Path) -> None:
    c = Config()
    c.JupyterHub.services.append({"name": "culler"})
    configure(c, home=tmp_path)
    c.JupyterHub.services.append({"name": "later"})
    assert [service["name"] for service in c.JupyterHub.services] == ["culler", "zoe", "later"]


def test_calling_it_twice_changes_nothing(tmp_path: Path) -> None:
    c = Config()
    configure(c, home=tmp_path)
    before = c.copy()
    configure(c, home=tmp_path)
    assert c == before


@pytest.mark.parametrize("version", [5, 6])
def test_users_keep_their_scopes_and_get_zoes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: int) -> None:
    monkeypatch.setattr("zoe_hub.hub.version_info", (version, 0, 0, "", ""))
    c = Config()
    configure(c, home=tmp_path)
    if version >= 6:
        assert set(c.JupyterHub.extra_user_scopes) == {ACCESS, *USER_SCOPES}
    else:
        (role,) = [role for role in c.JupyterHub.load_roles if role["name"] == "user"]
        assert role["scopes"] == ["self", ACCESS, *USER_SCOPES]


def test_a_role_user_of_the_administrators_own_is_extended(tmp_path: Path) -> None:
    c = Config()
    c.JupyterHub.load_roles = [{"name": "user", "scopes": ["self", "access:services!service=grades"]}]
    configure(c, home=tmp_path)
    scopes = c.JupyterHub.load_roles[0]["scopes"]
    assert scopes == ["self", "access:services!service=grades", ACCESS, *USER_SCOPES]
    assert "extra_user_scopes" not in c.JupyterHub


def test_the_service_sees_of_the_hub_which_servers_and_groups_there_are_and_nothing_else(tmp_path: Path) -> None:
    c = Config()
    configure(c, home=tmp_path)
    roles = [role for role in c.JupyterHub.load_roles if role.get("services") == ["zoe"]]
    assert [role["scopes"] for role in roles] == [
        ["custom:zoe:admin:executions"],
        ["read:servers", "read:users:groups"],
    ]
    assert not any("users" in role for role in roles)


def test_the_hubs_administrators_are_zoes(tmp_path: Path) -> None:
    c = Config()
    c.Authenticator.admin_users = {"carol", "admin"}
    configure(c, home=tmp_path)
    role, own = [role for role in c.JupyterHub.load_roles if role.get("services") == ["zoe"]]
    assert "users" not in own
    assert role["users"] == ["admin", "carol"]


def test_root_must_be_allowed(tmp_path: Path) -> None:
    c = Config()
    configure(c, home=tmp_path, allow_root=True)
    assert c.JupyterHub.services[-1]["command"][-1] == "--allow-root"


@pytest.mark.parametrize(
    ("setting", "value", "path"),
    [
        (None, None, "/services/zoe"),
        ("base_url", "/jupyter/", "/jupyter/services/zoe"),
        ("bind_url", "http://:8000/lab", "/lab/services/zoe"),
    ],
)
def test_the_spawner_knows_the_address(tmp_path: Path, setting: str | None, value: str, path: str) -> None:
    c = Config()
    if setting:
        c.JupyterHub[setting] = value
    configure(c, home=tmp_path, service_url="http://127.0.0.1:9999")
    assert c.ZoeMixin.zoe_url == f"http://127.0.0.1:9999{path}"


@pytest.mark.parametrize("url", ["127.0.0.1:80", "http://127.0.0.1", "http://127.0.0.1:80/services/zoe", "x"])
def test_an_address_that_is_none_is_refused_with_an_example(tmp_path: Path, url: str) -> None:
    with pytest.raises(ValueError, match=r"http://127\.0\.0\.1:9999"):
        configure(Config(), home=tmp_path, service_url=url)


def test_secrets_of_the_hubs_environment_are_not_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOE_DEMO_PASSWORD", "hush")
    monkeypatch.setenv("ZOE_CONFIG_FILE", "zoe.py")
    monkeypatch.setenv("AWS_SECRET", "hush")
    c = Config()
    configure(c, home=tmp_path)
    assert "hush" not in str(service(c))
    assert service(c)["environment"]["ZOE_CONFIG_FILE"] == "zoe.py"  # type: ignore[index]


def test_without_a_word_it_is_in_zoe_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOE_HOME", str(tmp_path / "here"))
    configure(Config())
    assert (tmp_path / "here" / "service-token").exists()


def test_jupyterhub_is_one_that_is_supported() -> None:
    assert jupyterhub.version_info[0] in (5, 6)


def test_the_service_may_ask_who_is_in_a_group_that_somebody_administers(tmp_path: Path) -> None:
    c = Config()
    scopes = ["custom:zoe:admin:executions!group=staff", "admin:users!group=guests"]
    c.JupyterHub.load_roles = [{"name": "staff-leader", "users": ["carol"], "scopes": scopes}]
    configure(c, home=tmp_path)
    granted = [role["scopes"] for role in c.JupyterHub.load_roles if role.get("services") == ["zoe"]]
    assert granted == [
        ["custom:zoe:admin:executions"],
        ["read:groups!group=staff"],
        ["read:servers", "read:users:groups"],
    ]
