"""An administrator's mistakes in the configuration file are sentences, and nothing starts without the file."""

from __future__ import annotations

from pathlib import Path

import pytest
from traitlets import TraitError
from traitlets.config import Config

from zoe_hub.app import main
from zoe_hub.config import ZoeConfig


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("c.ZoeConfig.max_executions = (", "cannot be read: SyntaxError"),
        ("c.ZoeConfig.memory = missing", "cannot be read: NameError: name 'missing' is not defined"),
        ("c.ZoeConfig.memory = 'lots'", "A setting is wrong: 'lots' is no amount of memory"),
        ("c.ZoeConfig.cpus = 'many'", "A setting is wrong: The 'cpus' trait"),
        ("c.ZoeConfig.lease_renewal = 9", "A setting is wrong: lease_renewal is 9"),
        ("c.ZoeConfig.lease = 0", "A setting is wrong: The value of the 'lease' trait"),
        (None, "There is no configuration file"),
    ],
)
def test_a_mistake_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str | None, sentence: str
) -> None:
    file = tmp_path / "zoe_config.py"
    if text is not None:
        file.write_text(text)
    monkeypatch.setenv("ZOE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ZOE_CONFIG_FILE", str(file))
    with pytest.raises(SystemExit) as ended:
        main([])
    assert str(ended.value).startswith("zoe-hub: ")
    assert sentence in str(ended.value)
    assert not (tmp_path / "home").exists()


def test_settings_make_the_scheduler() -> None:
    config = Config({"ZoeConfig": {"policy": "elastic", "order": "hrrn", "hold": "0", "waiting_bound": "never"}})
    assert ZoeConfig(config=config).scheduler().cluster.order.name == "hrrn"
    for policy in ("rigid", "malleable", "flexible", "flexible-preemptive", "zoe-2018"):
        ZoeConfig(policy=policy).scheduler()
    with pytest.raises(TraitError, match="'rigid', 'malleable'"):
        ZoeConfig(policy="greedy")
