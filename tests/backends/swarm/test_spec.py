from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from random import Random

import pytest

from tests.backends.contract import template
from zoe_hub.backends.docker.names import RunKey
from zoe_hub.backends.docker.settings import DockerSettings, Mount
from zoe_hub.backends.launch import Launch
from zoe_hub.backends.swarm import spec
from zoe_hub.backends.swarm.settings import SwarmSettings
from zoe_hub.model.framework import Shutdown
from zoe_hub.model.resources import Resources

KEY = RunKey("Alice's_first", "spark.worker", 3, 2)
DOCKER = DockerSettings(Path("/nowhere"), Path, mounts=(Mount("/data", "/data", True),))
PLACE = spec.Place(KEY, "alice", "mine", 7, "net", "zoe/spark@sha256:1", smallest=2.0, secret="s1")


def test_the_whole_service() -> None:
    process = template(resources=Resources(cpu=2, memory=2**30, gpu=1), shutdown=Shutdown(grace=5))
    labels = {
        "zoe.installation": "mine",
        "zoe.role": "instance",
        "zoe.execution": "Alice's_first",
        "zoe.process": "spark.worker",
        "zoe.ordinal": "3",
        "zoe.run": "2",
        "zoe.owner": "alice",
        "zoe.term": "7",
    }
    host = spec.host_name("mine", KEY)
    assert spec.service(PLACE, process, DOCKER, SwarmSettings(constraints=("node.role == worker",))) == {
        "Name": f"{host}-r2",
        "Labels": labels,
        "Mode": {"Replicated": {"Replicas": 1}},
        "EndpointSpec": {"Mode": "dnsrr"},
        "UpdateConfig": {"Parallelism": 1, "Order": "stop-first", "FailureAction": "rollback"},
        "TaskTemplate": {
            "ContainerSpec": {
                "Image": "zoe/spark@sha256:1",
                "Command": ["python3", "-I", "-S", "/run/secrets/zoe"],
                "Hostname": host,
                "Labels": labels,
                "User": "1000:100",
                "Dir": "/tmp",
                "Init": True,
                "ReadOnly": True,
                "CapabilityDrop": ["ALL"],
                # Connections to a machine that died end.
                "Sysctls": {
                    "net.ipv4.tcp_keepalive_time": "10",
                    "net.ipv4.tcp_keepalive_intvl": "5",
                    "net.ipv4.tcp_keepalive_probes": "3",
                    "net.ipv4.tcp_retries2": "6",
                },
                "Privileges": {"NoNewPrivileges": True},
                "StopSignal": "SIGTERM",
                "StopGracePeriod": 5_000_000_000,
                "Healthcheck": {"Test": ["NONE"]},
                "Mounts": [
                    {"Type": "volume", "Target": "/tmp"},
                    {"Type": "bind", "Source": "/data", "Target": "/data", "ReadOnly": True},
                ],
                "Secrets": [
                    {
                        "SecretID": "s1",
                        "SecretName": f"{host}-r2",
                        "File": {"Name": "zoe", "UID": "1000", "GID": "100", "Mode": 0o400},
                    }
                ],
            },
            "Resources": {
                "Limits": {"Pids": 4096, "NanoCPUs": 2_000_000_000, "MemoryBytes": 2**30},
                "Reservations": {
                    "NanoCPUs": 250_000_000,
                    "MemoryBytes": 2**30,
                    "GenericResources": [{"DiscreteResourceSpec": {"Kind": "gpu", "Value": 1}}],
                },
            },
            "RestartPolicy": {"Condition": "none"},
            "Placement": {"Constraints": ["node.role == worker"]},
            "Networks": [{"Target": "net", "Aliases": [host, "spark-worker-3"]}],
            "LogDriver": {"Name": "json-file", "Options": {"max-size": str(32 * 2**20), "max-file": "2"}},
        },
    }


def test_names_are_those_of_hosts_and_of_one_instance_only() -> None:
    keys = [
        RunKey("a" * 150, "spark.worker", 123456, 99),
        RunKey("a" * 151, "spark.worker", 123456, 99),
        RunKey("A_b", "x.y", 0, 1),
        RunKey("a-b", "x.y", 0, 1),
    ]
    names = [spec.service_name("mine", key) for key in keys]
    assert len(set(names)) == len(keys)
    for name in names:
        assert len(name) <= 63
        assert name.replace("-", "").isalnum()
        assert name == name.lower()
    assert spec.host_name("mine", KEY) == spec.host_name("mine", RunKey(KEY.execution, KEY.process, KEY.ordinal, 9))
    assert spec.host_name("mine", KEY) != spec.host_name("another", KEY)


def test_secrets_are_in_the_bundle_and_nowhere_else(tmp_path: Path) -> None:
    (tmp_path / "tool.py").write_text("pass")
    launch = Launch(("run", "it"), {"TOKEN": "geheim"}, {"conf": "word=geheim"}, {})
    content = spec.bundle(launch, tmp_path, "knock")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.read("work/conf") == b"word=geheim"
        assert archive.read("framework/tool.py") == b"pass"
        what = json.loads(archive.read("launch.json"))
    assert what["command"] == ["run", "it"]
    assert what["environment"] == {"HOME": spec.SCRATCH, "TMPDIR": f"{spec.SCRATCH}/tmp", "TOKEN": "geheim"}
    assert "geheim" not in json.dumps(spec.service(PLACE, template(), DOCKER, SwarmSettings()))


def test_what_is_too_large_for_a_secret_is_told(tmp_path: Path) -> None:
    (tmp_path / "noise").write_bytes(Random(1).randbytes(2**20))
    with pytest.raises(ValueError, match="500 KiB at most"):
        spec.bundle(Launch(("x",), {}, {}, {}), tmp_path, "")
