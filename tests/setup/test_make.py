from __future__ import annotations

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def make(*arguments: str) -> str:
    return subprocess.run(["make", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout


def test_help_lists_every_target_with_a_line() -> None:
    phony = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert phony is not None
    helped = dict(re.findall(r"^  make (\S+) +(\S.*)$", make("help"), re.MULTILINE))
    assert sorted(helped) == sorted(phony.group(1).split())


def test_make_alone_is_help() -> None:
    assert make() == make("help")


def test_continuous_integration_runs_what_a_person_runs() -> None:
    lines = (ROOT / ".ci" / "run").read_text().split("\n")
    assert [line for line in lines if "make" in line] == ["exec make test"]


def test_no_file_of_the_set_up_names_a_package_registry() -> None:
    files = [*(ROOT / "scripts").glob("*"), ROOT / "Makefile", ROOT / "package.json", ROOT / ".ci" / "run"]
    for file in files:
        if file.is_file():
            assert not re.search(r"--index-url|--registry|https://", file.read_text()), file
    assert not (ROOT / "package-lock.json").exists()
