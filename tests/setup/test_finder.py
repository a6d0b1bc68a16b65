from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from scripts import finder

NOWHERE = Path("/nonexistent")


def program(path: Path, says: str, status: int = 0, to: str = "stdout") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    redirect = " >&2" if to == "stderr" else ""
    path.write_text(f"#!/bin/sh\necho '{says}'{redirect}\nexit {status}\n")
    path.chmod(0o755)
    return path


def java(folder: Path, version: str) -> Path:
    return program(folder / "bin" / "java", f'openjdk version "{version}" 2025-04-15', to="stderr")


@pytest.mark.parametrize(
    ("says", "version"),
    [
        ('openjdk version "17.0.15" 2025-04-15', 17),
        ('java version "1.8.0_412"', 8),
        ('openjdk version "21" 2023-09-19', 21),
        ('openjdk version "25-ea" 2025-09-16', 25),
    ],
)
def test_java_tells_its_version_on_standard_error(tmp_path: Path, says: str, version: int) -> None:
    assert finder.java_version(program(tmp_path / "java", says, to="stderr")) == version


def test_a_java_that_does_not_run_has_no_version(tmp_path: Path) -> None:
    assert finder.java_version(program(tmp_path / "java", "Unable to locate a Java Runtime", status=1)) is None
    assert finder.java_version(tmp_path / "absent") is None


def test_java_home_comes_before_path(tmp_path: Path) -> None:
    home, other = java(tmp_path / "home", "21.0.1"), java(tmp_path / "other", "17.0.1")
    environ = {"JAVA_HOME": str(tmp_path / "home"), "PATH": str(other.parent)}
    assert finder.find_java(environ, NOWHERE) == finder.Program(home, 21)


def test_an_old_java_is_passed_over(tmp_path: Path) -> None:
    java(tmp_path / "old", "11.0.2")
    new = java(tmp_path / "new", "17.0.1")
    environ = {"JAVA_HOME": str(tmp_path / "old"), "PATH": f"{tmp_path / 'old' / 'bin'}:{new.parent}"}
    assert finder.find_java(environ, NOWHERE) == finder.Program(new, 17)


def test_a_java_that_is_installed_but_not_the_default_is_found(tmp_path: Path) -> None:
    old = java(tmp_path / "old", "11.0.2")
    new = java(tmp_path / "jvm" / "java-17", "17.0.1")
    assert finder.find_java({"PATH": str(old.parent)}, tmp_path / "jvm") == finder.Program(new, 17)


def test_a_program_that_was_installed_meanwhile_is_found(tmp_path: Path) -> None:
    environ = {"JAVA_HOME": str(tmp_path / "home"), "PATH": ""}
    assert finder.find_java(environ, NOWHERE) is None
    path = java(tmp_path / "home", "21.0.1")
    assert finder.find_java(environ, NOWHERE) == finder.Program(path, 21)


def test_no_java(tmp_path: Path) -> None:
    assert finder.find_java({"PATH": str(tmp_path)}, NOWHERE) is None


def test_java_on_path_is_followed_to_its_home(tmp_path: Path) -> None:
    real = java(tmp_path / "jvm" / "java-17", "17.0.1")
    (tmp_path / "usr").mkdir()
    (tmp_path / "usr" / "java").symlink_to(real)
    assert finder.find_java({"PATH": str(tmp_path / "usr")}, NOWHERE) == finder.Program(real, 17)


def test_node_needs_npm_beside_it(tmp_path: Path) -> None:
    node = program(tmp_path / "bin" / "node", "v22.1.0")
    environ = {"PATH": str(node.parent)}
    assert finder.find_node(environ, NOWHERE) is None
    program(tmp_path / "bin" / "npm", "10.0.0")
    assert finder.find_node(environ, NOWHERE) == finder.Program(node, 22)


def test_npm_of_the_package_index_runs_by_its_name(tmp_path: Path) -> None:
    copy = program(tmp_path / "bin" / "npm", "a copy that finds nothing")
    script = program(tmp_path / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js", "11.0.0")
    script.chmod(0o644)
    for _ in range(2):
        finder.link_npm(tmp_path / "bin")
        assert subprocess.run([copy], capture_output=True, text=True, check=True).stdout.strip() == "11.0.0"
    assert not (tmp_path / "bin" / "npx").exists()


def test_npm_of_a_node_from_elsewhere_stays(tmp_path: Path) -> None:
    own = program(tmp_path / "bin" / "npm", "10.0.0")
    finder.link_npm(tmp_path / "bin")
    assert not own.is_symlink()


def test_npm_is_run_by_the_node_it_belongs_to(tmp_path: Path) -> None:
    node = finder.Program(tmp_path / "bin" / "node", 24)
    assert finder.npm(node) == [str(tmp_path / "bin" / "npm")]
    script = program(tmp_path / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js", "")
    assert finder.npm(node) == [str(node.path), str(script)]


def test_an_old_node_gives_way_to_the_bundled_one(tmp_path: Path) -> None:
    old = program(tmp_path / "bin" / "node", "v18.19.0")
    program(tmp_path / "bin" / "npm", "9.2.0")
    bundled = program(tmp_path / "bundled" / "node", "v24.0.0")
    assert finder.find_node({"PATH": str(old.parent)}, bundled.parent) == finder.Program(bundled, 24)
