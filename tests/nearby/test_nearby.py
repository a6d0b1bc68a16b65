"""What a user's own service and those who speak with it agree upon."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest
from traitlets.config import Config

from zoe_hub.model.errors import InvalidRequest, ServiceUnavailable
from zoe_hub.nearby import locks, runtime, servers, starting
from zoe_hub.nearby.home import own_home
from zoe_hub.nearby.runtime import Runtime
from zoe_hub.nearby.settings import settings_in
from zoe_server_ext.embedded import ZoeEmbedded

BEGIN = {"prefix": "/zoe/", "linger": 0.5, "prepare": False, "settings": {}}

HOLDER = """
import sys
from pathlib import Path
from zoe_hub.nearby import servers
print(servers.register(Path(sys.argv[1])).name, flush=True)
sys.stdin.read()
"""


def test_each_environment_has_a_folder_of_its_own(tmp_path: Path) -> None:
    environment = {"JUPYTER_DATA_DIR": str(tmp_path / "data")}
    one = own_home(environment, str(tmp_path / "a" / "env"))
    other = own_home(environment, str(tmp_path / "b" / "env"))
    assert one != other
    assert one.parent == other.parent == tmp_path / "data" / "zoe"
    assert one.name.startswith("env-")
    assert one == own_home(environment, str(tmp_path / "a" / "env"))
    assert own_home({**environment, "ZOE_HOME": "/srv/zoe"}) == Path("/srv/zoe")


def test_a_server_is_there_until_its_process_ends_however_it_ends(tmp_path: Path) -> None:
    assert servers.present(tmp_path) == set()
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        name = process.stdout.readline().strip()
        own = servers.register(tmp_path)
        assert servers.present(tmp_path) == {name, own.name}
        process.kill()
        process.wait()
        assert servers.present(tmp_path) == {own.name}
    assert name.startswith(f"{servers.owner()}/")
    own.close()
    assert servers.present(tmp_path) == set()
    assert list((tmp_path / servers.FOLDER).iterdir()) == []


def test_a_file_is_held_by_one(tmp_path: Path) -> None:
    assert not locks.is_held(tmp_path / "lock")
    held = locks.hold(tmp_path / "lock")
    assert held is not None
    assert locks.hold(tmp_path / "lock") is None
    assert locks.is_held(tmp_path / "lock")
    os.close(held)
    assert not locks.is_held(tmp_path / "lock")


def test_a_service_on_another_machine_is_a_sentence(tmp_path: Path) -> None:
    Runtime(url="", socket="/none", prefix="/zoe/", token="t", machine="elsewhere").write(tmp_path)
    assert runtime.running(tmp_path) is None
    held = locks.hold(tmp_path / runtime.LOCK)
    assert held is not None
    with pytest.raises(ServiceUnavailable, match=r"in use on the machine elsewhere\. Set ZOE_HOME"):
        starting.ensure(tmp_path, BEGIN)
    os.close(held)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give files away")
def test_a_service_that_another_user_says_is_there_is_not_believed(tmp_path: Path) -> None:
    Runtime(url="", socket="/none", prefix="/zoe/", token="t", machine=platform.node()).write(tmp_path)
    held = locks.hold(tmp_path / runtime.LOCK)
    assert held is not None
    assert runtime.running(tmp_path) is not None
    os.chown(tmp_path / runtime.FILE, 65534, 65534)
    with pytest.raises(ServiceUnavailable, match=r"belongs to another user of this machine\. Set ZOE_HOME"):
        runtime.running(tmp_path)
    os.close(held)


def test_a_folder_of_a_hub_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "service-token").write_text("x")
    with pytest.raises(ServiceUnavailable, match=f"{tmp_path} belongs to the Zoe of a JupyterHub. Set ZOE_HOME"):
        starting.ensure(tmp_path, BEGIN)
    assert [path.name for path in tmp_path.iterdir()] == ["service-token"]


def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(ServiceUnavailable, match=r"cannot use its folder .*: Not a directory\. Set ZOE_HOME"):
        starting.ensure(tmp_path / "file" / "home", BEGIN)


def test_a_service_that_cannot_start_says_why(tmp_path: Path) -> None:
    key = tmp_path / "data" / "key"
    key.parent.mkdir()
    key.write_bytes(os.urandom(32))
    key.chmod(0o644)
    with pytest.raises(ServiceUnavailable, match=f"Type: chmod 600 {key}"):
        starting.ensure(tmp_path, BEGIN)


def test_settings_come_from_the_jupyter_servers_configuration() -> None:
    config = Config()
    config.ZoeConfig.memory = "2 GiB"
    config.ZoeConfig.folders.append("/srv/shop")
    assert settings_in(config) == {"memory": "2 GiB", "folders": ["/srv/shop"]}
    assert settings_in(Config()) == {}
    with pytest.raises(InvalidRequest, match=r"no setting c\.ZoeConfig\.memori"):
        settings_in(Config({"ZoeConfig": {"memori": "2 GiB"}}))
    with pytest.raises(InvalidRequest, match="not as it should be"):
        settings_in(Config({"ZoeConfig": {"cpus": "many"}}))


@pytest.mark.parametrize(
    ("enabled", "environment", "active"),
    [
        (None, {}, True),
        (None, {"JUPYTERHUB_API_TOKEN": "t"}, False),
        (True, {"JUPYTERHUB_API_TOKEN": "t"}, True),
        (False, {}, False),
        (True, {"ZOE_URL": "http://hub/services/zoe"}, False),
    ],
)
def test_when_there_is_a_service_without_a_hub(enabled: bool | None, environment: dict[str, str], active: bool) -> None:
    assert ZoeEmbedded(enabled=enabled).active(environment) is active
