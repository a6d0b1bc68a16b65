"""Runs a command inside the environment that set-up made: `python -m scripts.within COMMAND [ARGUMENT …]`."""

from __future__ import annotations

import os
import sys

from .folders import Folders


def main(command: list[str]) -> None:
    """Replace this process by the command."""
    os.execvpe(command[0], command, Folders.of(os.environ).environment(os.environ))


if __name__ == "__main__":
    main(sys.argv[1:])
