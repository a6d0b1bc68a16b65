"""`make hub`: looks at the port, sets up what is missing, and becomes the demo hub's starter."""

from __future__ import annotations

import os
import sys

from .errors import SetUpError
from .folders import Folders
from .hub import PORT, check_port
from .set_up import SetUp


def main() -> int:
    """Returns only when there will be no hub: 1, or 130 after Ctrl-C."""
    try:
        # First, so that nobody waits minutes for set-up to learn of it.
        check_port(os.environ.get("ZOE_PORT") or PORT)
        SetUp("demo", os.environ).run()
    except SetUpError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped. The next start goes on from here.", file=sys.stderr)
        return 130
    folders = Folders.of(os.environ)
    os.execve(folders.python, ["python", "-m", "scripts.hub"], folders.environment(os.environ))


if __name__ == "__main__":
    sys.exit(main())
