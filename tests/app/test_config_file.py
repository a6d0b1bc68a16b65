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
        ("c.ZoeConfig.cpus = -3", "A setting is wrong: The value of the 'cpus' trait"),
        ("c.ZoeConfig.port = 1234567", "A setting is wrong: The value of the 'port' trait"),
        (
            "c.ZoeConfig.max_execution = 3",
            "max_execution; did you mean c.ZoeConfig.max_executions?",
        ),
        ("c.ZoeConfg.cpus = 3", "There are no settings c.ZoeConfg; did you mean c.ZoeConfig?"),
        ("c.ZoeConfig.colour = 3", "no setting c.ZoeConfig.colour; docs/reference/configuration.md has all"),
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


@pytest.mark.parametrize("name", ["hold", "adaptation_hold"])
def test_what_is_held_is_held_for_some_time(name: str) -> None:
    with pytest.raises(TraitError, match=f"ZoeConfig.{name}: 'never' is no span of time here; write how long"):
        ZoeConfig(**{name: "never"})


def test_settings_make_the_scheduler() -> None:
    config = Config({"ZoeConfig": {"policy": "elastic", "order": "hrrn", "hold": "0", "waiting_bound": "never"}})
    assert ZoeConfig(config=config).scheduler().cluster.order.name == "hrrn"
    for policy in ("rigid", "malleable", "flexible", "flexible-preemptive", "zoe-2018"):
        ZoeConfig(policy=policy).scheduler()
    with pytest.raises(TraitError, match="'rigid', 'malleable'"):
        ZoeConfig(policy="greedy")


@pytest.mark.parametrize(
    ("database", "sentence"),
    [
        ("mysql://zoe:word@host/zoe", "The database's address begins with mysql://; right is sqlite://"),
        ("word.sqlite", "The database's address is none; right is sqlite://"),
    ],
)
def test_another_kind_of_database_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database: str, sentence: str
) -> None:
    monkeypatch.setenv("ZOE_HOME", str(tmp_path / "home"))
    with pytest.raises(SystemExit) as ended:
        main([f"--ZoeConfig.database={database}", "--allow-root"])
    assert sentence in str(ended.value)
    assert "word" not in str(ended.value).replace("user:password", "")


def test_a_folder_that_is_not_there_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not refused: it may come later, and is read then."""
    shop, told = tmp_path / "shop", []
    monkeypatch.setattr("zoe_hub.app.log.warning", lambda sentence, *about: told.append(sentence % about))
    nowhere = "--ZoeConfig.database=word.sqlite"  # it ends of this, after it has looked at the folders
    with pytest.raises(SystemExit):
        main([f"--ZoeConfig.folders={shop}", f"--ZoeConfig.home={tmp_path / 'home'}", "--allow-root", nowhere])
    assert told == [f"There is no folder {shop}, which c.ZoeConfig.folders names; it is read once it is there"]
