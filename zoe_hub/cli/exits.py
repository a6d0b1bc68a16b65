"""How commands end: one sentence on stderr, and a code that programs can tell apart."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
from typing import ParamSpec

from .terminal import harmless

P = ParamSpec("P")

REFUSED, USAGE, AWAY, UNKNOWN, FORBIDDEN, ENDED, INTERRUPTED = 1, 2, 3, 4, 5, 6, 130
EXIT_CODES = (
    "0 done, 1 refused, 2 wrong usage, 3 service away, 4 no such name, 5 not permitted, 6 it failed or ended, "
    "130 interrupted."
)


def guarded(command: Callable[P, None]) -> Callable[P, None]:
    """The command, with errors turned into a sentence and an exit code."""

    @functools.wraps(command)
    def guard(*args: P.args, **kwargs: P.kwargs) -> None:
        from ..model import errors

        try:
            command(*args, **kwargs)
            # What is short is written now at the earliest.
            print(end="", flush=True)
        except errors.ZoeError as error:
            print(f"zoe: {harmless(str(error))}", file=sys.stderr)
            sys.exit(code_of(error))
        except KeyboardInterrupt:
            sys.exit(INTERRUPTED)
        except BrokenPipeError:  # whoever read our output has enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(0)

    return guard


def code_of(error: Exception) -> int:
    """The exit code of an error."""
    from ..model import errors

    codes = {
        errors.ServiceUnavailable: AWAY,
        errors.UnknownName: UNKNOWN,
        errors.NotPermitted: FORBIDDEN,
        errors.ExecutionEnded: ENDED,
    }
    return next((code for kind, code in codes.items() if isinstance(error, kind)), REFUSED)
