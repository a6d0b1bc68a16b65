"""How an administrator chooses the swarm."""

from __future__ import annotations

from pathlib import Path

import pytest
from traitlets.config import Config

from zoe_hub.backends.swarm.backend import SwarmBackend
from zoe_hub.catalogue import Catalogue
from zoe_hub.config import ZoeConfig
from zoe_hub.engines import make_backend
from zoe_hub.model.errors import InvalidRequest


def config(home: Path, **docker: str) -> ZoeConfig:
    said = Config(ZoeConfig={"engine": "swarm", "home": str(home)}, ZoeDocker={"host": "tcp://127.0.0.1:1", **docker})
    said.ZoeSwarm.constraints = ["node.labels.zoe == yes"]
    return ZoeConfig(config=said)


def test_the_settings_of_engine_and_swarm_are_taken_together(tmp_path: Path) -> None:
    backend = make_backend(config(tmp_path, service_container="zoe-hub-1"), Catalogue([]))
    assert isinstance(backend, SwarmBackend)
    told = backend.describe()
    assert (told["engine"], told["host"]) == ("swarm", "tcp://127.0.0.1:1")
    assert told["constraints"] == ["node.labels.zoe == yes"]


def test_a_service_that_would_reach_no_cluster_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match=r"c\.ZoeDocker\.service_container = 'zoe-hub-1'"):
        make_backend(config(tmp_path), Catalogue([]))
