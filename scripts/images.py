"""Build the images of all frameworks and of the Hub: ``make images``.

From the environment: DOCKER (the client), BASE_IMAGE, IMAGE_PREFIX (zoe), CA_FILE (a certificate of an own authority,
for the time of building), ONLY (names, separated by spaces), IMAGES_LOCK (the file to write), WHEEL (Zoe's wheel; the
newest in dist).

What was built is written down by its content in IMAGES_LOCK (images.lock.json in ZOE_HOME), so that a service that is
given that file runs these and no others, whatever is given their names later.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
TAG = "0.1"


def main(environment: Mapping[str, str] = os.environ) -> int:
    """Build all, and write the file; the exit status of the first that cannot be built, else 0."""
    docker = environment.get("DOCKER") or "docker"
    only = environment.get("ONLY", "").split()
    home = environment.get("ZOE_HOME") or str(CHECKOUT / ".zoe")
    lock = Path(environment.get("IMAGES_LOCK") or Path(home, "images.lock.json"))
    wheel = environment.get("WHEEL") or newest_wheel(CHECKOUT)
    lines = []
    for file in dockerfiles(CHECKOUT):
        if only and file.parent.name not in only:
            continue
        name = f"{environment.get('IMAGE_PREFIX') or 'zoe'}/{file.parent.name}:{TAG}"
        folder = context(file, CHECKOUT)
        whole = []
        if folder == CHECKOUT:
            if not wheel:
                print("There is no wheel of Zoe in dist: `make wheel` builds it.", file=sys.stderr)
                return 1
            whole = ["--build-arg", f"WHEEL={wheel}"]
        built = subprocess.run(
            [docker, "build", *arguments(environment), *whole, "-f", str(file), "-t", name, str(folder)],
            env={**environment, "DOCKER_BUILDKIT": "1"},
            check=False,
        )
        if built.returncode:
            print(f"The image {name} could not be built.", file=sys.stderr)
            return built.returncode
        shown = subprocess.run([docker, "image", "inspect", name], capture_output=True, text=True, check=True)
        (image,) = json.loads(shown.stdout)
        note(lock, name, image["Id"])
        lines.append(f"{name:<24} {image['Size'] / 1e6:8.0f} MB  {image['Id']}")
    print("\n".join([*lines, f"\nWritten to {lock}."]))
    return 0


def dockerfiles(root: Path) -> list[Path]:
    """In the order in which they are built."""
    return [*sorted(root.glob("frameworks/*/Dockerfile")), *sorted(root.glob("images/*/Dockerfile"))]


def context(file: Path, root: Path) -> Path:
    """The folder of which a Dockerfile copies: its own, or the whole where it names files by their place in that."""
    whole = any(line.startswith(("COPY frameworks/", "COPY images/")) for line in file.read_text().splitlines())
    return root if whole else file.parent


def newest_wheel(root: Path) -> str:
    """As a build names it, by its place in the whole; empty where none was built."""
    wheels = sorted(root.glob("dist/zoe_jupyter-*.whl"), key=lambda wheel: wheel.stat().st_mtime)
    return str(wheels[-1].relative_to(root)) if wheels else ""


def arguments(environment: Mapping[str, str]) -> list[str]:
    """Of `docker build`."""
    found = []
    if base := environment.get("BASE_IMAGE"):
        found += ["--build-arg", f"BASE_IMAGE={base}"]
    if authority := environment.get("CA_FILE"):
        found += ["--secret", f"id=ca,src={authority}"]
    return found


def note(lock: Path, name: str, identifier: str) -> None:
    """Write down what was built under a name; what the file says of others stays."""
    known = json.loads(lock.read_text()) if lock.exists() else {}
    known[name] = identifier
    lock.parent.mkdir(parents=True, exist_ok=True)
    draft = lock.with_name(f".{lock.name}.new")
    draft.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n")
    draft.replace(lock)


if __name__ == "__main__":
    sys.exit(main())
