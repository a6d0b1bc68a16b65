"""The command line: `zoe`. Every command imports what it needs when it runs, so that the help is quick."""

from __future__ import annotations


def main() -> None:
    """Run the command line that this process was started with."""
    from .application import application

    application()
