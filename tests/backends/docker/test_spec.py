from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest
from traitlets import TraitError

from tests.backends.contract import server, template
from zoe_hub.backends.docker.endings import Seen, ending
from zoe_hub.backends.docker.image_names import registry_of
from zoe_hub.backends.docker.images import note, words
from zoe_hub.backends.docker.names import (
    RunKey,
    container_labels,
    container_name,
    host_names,
    owner_slug,
    volume_labels,
)
from zoe_hub.backends.docker.settings import DockerSettings, Mount, ZoeDocker
from zoe_hub.backends.docker.spec import Place, archive, container, limits
from zoe_hub.backends.docker.subnets import candidates, routed
from zoe_hub.backends.launch import Launch
from zoe_hub.model.errors import LaunchFailed
from zoe_hub.model.resources import Resources

KEY = RunKey("x1", "spark.worker", 3, 2)


def settings(**more: object) -> DockerSettings:
    return DockerSettings(Path("/zoe"), lambda name: Path("/frameworks") / name, **more)  # type: ignore[arg-type]


def described(owner: str = "alice", devices: tuple[str, ...] = (), **more: object) -> dict[str, object]:
    place = Place(KEY, owner, "abc", 7, "zoe-abc-x1", "10.208.0.5", "zoe/spark:0.1", devices)
    launch = Launch(("python3", "-c", "pass"), {"A": "b"}, {"secret.txt": "hush"}, {})
    process = server(resources=Resources(cpu=2, memory=2**30))
    return container(place, process, launch, settings(**more))


def test_who_asks_for_no_processor_gets_the_least_of_one() -> None:
    """The engine's own weight is that of a whole processor, and without a bound all of them were free."""
    found = limits(server(resources=Resources()), settings())
    assert found == {"CpuShares": 2, "CpuPeriod": 100_000, "CpuQuota": 100_000, "PidsLimit": 4096}
    assert "CpuQuota" not in limits(server(resources=Resources()), settings(cpu_burst=0.0))


def test_the_whole_description() -> None:
    assert described(mounts=(Mount("home-{owner}", "/home"), Mount("/data", "/data", True))) == {
        "Image": "zoe/spark:0.1",
        "Entrypoint": ["python3"],
        "Cmd": ["-c", "pass"],
        "Env": ["HOME=/zoe/work", "TMPDIR=/zoe/work/tmp", "A=b"],
        "User": "1000:100",
        "WorkingDir": "/zoe/work",
        "Hostname": "spark-worker-3",
        "Labels": container_labels("abc", KEY, "alice", 7),
        "HostConfig": {
            "NetworkMode": "zoe-abc-x1",
            "Init": True,
            "RestartPolicy": {"Name": "no"},
            "CapDrop": ["ALL"],
            "SecurityOpt": ["no-new-privileges"],
            "ReadonlyRootfs": True,
            "Tmpfs": {"/tmp": "mode=1777,size=268435456"},
            "Mounts": [
                {"Type": "volume", "Target": "/zoe", "VolumeOptions": {"Labels": volume_labels("abc", "x1")}},
                {"Type": "volume", "Source": "home-alice", "Target": "/home", "ReadOnly": False},
                {"Type": "bind", "Source": "/data", "Target": "/data", "ReadOnly": True},
            ],
            "LogConfig": {"Type": "json-file", "Config": {"max-size": "33554432", "max-file": "2"}},
            "PidsLimit": 4096,
            "CpuShares": 2048,
            "CpuPeriod": 100_000,
            "CpuQuota": 400_000,
            "Memory": 2**30,
            "MemorySwap": 2**30,
        },
        "NetworkingConfig": {
            "EndpointsConfig": {
                "zoe-abc-x1": {"Aliases": ["spark-worker-3"], "IPAMConfig": {"IPv4Address": "10.208.0.5"}}
            }
        },
    }


def test_no_secret_is_where_the_engine_shows_it() -> None:
    assert "hush" not in str(described())


def test_graphics_processors_are_given_by_their_names() -> None:
    config = described(devices=("GPU-1",))["HostConfig"]
    assert isinstance(config, dict)
    assert config["DeviceRequests"] == [{"Driver": "", "DeviceIDs": ["GPU-1"], "Capabilities": [["gpu"]]}]


@pytest.mark.parametrize("owner", ["../../etc", "a/b", "alice:/etc", "Zoë", "a,readonly"])
def test_an_owners_name_is_no_path_and_no_option(owner: str) -> None:
    config = described(owner, mounts=(Mount("home-{owner}", "/home"),))["HostConfig"]
    assert isinstance(config, dict)
    source = config["Mounts"][1]["Source"]
    assert source.replace("-", "").isalnum()
    assert source.isascii()


def test_different_owners_never_share_a_slug() -> None:
    names = ["a-b", "a/b", "a2db", "a-2db", "A-b", "a b", "ä", "Ã¤"]
    assert len({owner_slug(name) for name in names}) == len(names)


def test_a_slug_is_the_one_of_dockerspawner() -> None:
    assert owner_slug("Alice-x ë") == "-41lice-2dx-20-c3-ab"


def test_files_are_the_programs_alone(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "a.py").write_text("a = 1")
    launch = Launch(("x",), {}, {"word": "hush"}, {})
    with tarfile.open(fileobj=io.BytesIO(archive(launch, tmp_path, "1000:100"))) as tar:
        found = {entry.name: (oct(entry.mode), entry.uid, entry.gid) for entry in tar}
    assert found["work/word"] == ("0o600", 1000, 100)
    assert found["work"] == ("0o700", 1000, 100)
    assert found["framework/lib/a.py"] == ("0o600", 1000, 100)


def test_labels_are_read_as_they_were_written() -> None:
    assert RunKey.of(container_labels("abc", KEY, "alice", 7)) == KEY
    assert RunKey.of({**container_labels("abc", KEY, "alice", 7), "zoe.run": "x"}) is None
    assert RunKey.of({}) is None


def test_names_are_those_of_containers_and_differ() -> None:
    long = RunKey("x" * 300, "spark.worker", 0, 1)
    assert len(container_name("abc", long)) < 128
    assert container_name("abc", long) != container_name("abc", RunKey("x" * 301, "spark.worker", 0, 1))
    assert host_names("spark.worker_two", 0) == ["spark-worker-two-0", "spark-worker-two"]


@pytest.mark.parametrize(
    ("seen", "code", "words", "hopeless"),
    [
        (Seen("1", "exited", 137, True), -9, "more than its 1 GiB of memory", False),
        (Seen("1", "exited", 1, True), 1, "a program in it was killed", False),
        (Seen("1", "exited", 137), -9, "", False),
        (Seen("1", "exited", 0), 0, "", False),
        (Seen("1", "exited", 127), 127, "the program nope was not found", True),
        (Seen("1", "exited", 78), 78, "missing in its image", True),
        (None, None, "removed by somebody else", False),
    ],
)
def test_how_it_ended_in_words(seen: Seen | None, code: int | None, words: str, hopeless: bool) -> None:
    end = ending(seen, program="nope", memory=2**30)
    assert (end.code, end.hopeless) == (code, hopeless)
    assert words in end.reason


def test_networks_do_not_overlap_with_those_that_are_there() -> None:
    first = next(candidates("10.208.0.0/12", 22, []))
    assert (str(first.network), first.gateway) == ("10.208.0.0/22", "10.208.0.1")
    second = next(candidates("10.208.0.0/12", 22, [str(first.network), "fd00::/8", "10.208.4.0/24"]))
    assert str(second.network) == "10.208.8.0/22"
    assert list(candidates("10.208.0.0/24", 24, ["10.0.0.0/8"])) == []


def test_addresses_of_instances_are_apart_from_those_that_the_engine_chooses() -> None:
    subnet = next(candidates("10.208.0.0/24", 28, []))
    taken: set[str] = set()
    for _ in range(10):
        taken.add(subnet.free(taken))
    with pytest.raises(LaunchFailed, match="no address left"):
        subnet.free(taken)
    assert len(taken) == 10
    assert subnet.gateway not in taken
    assert not any(address in {str(one) for one in subnet.joining} for address in taken)


def test_routes_are_read() -> None:
    table = (
        "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\n"
        "eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\n"
        "tun0\t0000D00A\t00000000\t0001\t0\t0\t0\t0000FFFF\n"
    )
    assert routed(table) == ["10.208.0.0/16"]


def test_how_far_a_pull_is() -> None:
    layers: dict[str, tuple[int, int]] = {}
    assert words(layers) == ""
    detail = {"current": 2**20, "total": 2**22}
    note(layers, {"id": "a", "status": "Downloading", "progressDetail": detail})
    note(layers, {"id": "b", "status": "Downloading", "progressDetail": detail})
    note(layers, {"id": "b", "status": "Pull complete"})
    note(layers, {"status": "Pulling from zoe/dask"})
    assert words(layers) == "5 MiB of 8 MiB"


@pytest.mark.parametrize(
    ("image", "registry"),
    [("zoe/dask:0.1", "docker.io"), ("r.example.org/a", "r.example.org"), ("localhost:5000/a", "localhost:5000")],
)
def test_the_registry_of_an_image(image: str, registry: str) -> None:
    assert registry_of(image) == registry


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("user", "0:0"),
        ("user", "jovyan"),
        ("subnets", "10.208.0.1/12"),
        ("subnets", "fd00::/8"),
        ("mounts", [{"source": "a"}]),
        ("mounts", [{"source": "a", "target": "relative"}]),
        ("mounts", [{"source": "a", "target": "/a", "readonly": True}]),
        ("pull_policy", "sometimes"),
    ],
)
def test_settings_that_cannot_be_are_refused(name: str, value: object) -> None:
    with pytest.raises(TraitError):
        ZoeDocker(**{name: value})


def test_a_process_without_resources_has_no_limits_but_that_of_processes() -> None:
    place = Place(KEY, "alice", "abc", 7, "n", "10.208.0.5", "image")
    config = container(place, template(resources=Resources()), Launch(("x",), {}, {}, {}), settings())["HostConfig"]
    assert "Memory" not in config
    assert config["PidsLimit"] == 4096
