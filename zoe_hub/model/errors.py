"""Everything that can be wrong, named for what happened. None of them knows of HTTP.

::

    ZoeError
    ├── InvalidDocument       a framework or ZApp file, or one sent by a user, is malformed
    ├── InvalidParameter      a parameter's value is of the wrong type or out of bounds
    ├── InvalidRequest        a request is well-formed but makes no sense
    ├── NotRunnable           a framework was asked to run alone
    ├── UnknownName           no ZApp, framework or execution has this name
    ├── Conflict              the request contradicts what is stored
    │   └── Overtaken         somebody else changed the same thing meanwhile
    ├── KeyReused             an idempotency key came again with another request
    ├── IllegalTransition     the lifecycle table has no such move
    ├── CapacityExceeded      more than the machines will ever have
    ├── LimitReached          as many of something as one user may have
    │   └── QuotaExceeded     a quota of a user or a group does not allow it
    ├── TooManyRequests       a caller asks more often than is allowed
    ├── StaleLease            another service leads; what this one wanted to write is refused
    ├── NotPermitted          the caller may not do this
    ├── ServiceUnavailable    Zoe's Hub service could not be reached
    ├── LaunchFailed          the engine could not start an instance
    └── ExecutionEnded        somebody waited for an execution that ended instead

The message of each is a sentence that may be shown to whoever made the request.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .nearest import nearest


class ZoeError(Exception):
    """Base of all errors whose message may be shown to users."""


class InvalidDocument(ZoeError):
    """Raised when a framework or ZApp description is malformed."""

    def __init__(self, message: str, *, path: str = "", line: int | None = None) -> None:
        place = path if line is None else f"{path}:{line}"
        super().__init__(f"{place}: {message}" if place else message)
        self.reason = message
        self.path = path
        self.line = line


class InvalidParameter(ZoeError):
    """Raised when a parameter's value is of the wrong type or out of bounds."""

    def __init__(self, parameter: str, reason: str) -> None:
        super().__init__(f"{parameter}: {reason}")
        self.parameter = parameter
        self.reason = reason


class InvalidRequest(ZoeError):
    """Raised when a request is well-formed but makes no sense."""


class NotRunnable(ZoeError):
    """Raised when someone tries to run a framework alone."""


class UnknownName(ZoeError):
    """Raised when no ZApp, framework or execution has this name."""

    def __init__(self, what: str, name: str, known: Iterable[str] = ()) -> None:
        names = sorted(known)
        near = nearest(name, names, cutoff=0.5)
        hint = ""
        if near:
            hint = f" Did you mean {near!r}?"
        elif 0 < len(names) <= 16:
            hint = f" There are: {', '.join(names)}."
        super().__init__(f"There is no {what} named {name!r}.{hint}" if name else f"There is no {what}.")
        self.name = name


class Conflict(ZoeError):
    """Raised when a request contradicts what is stored, such as a name in use."""


class Overtaken(Conflict):
    """Raised when somebody else changed the same thing meanwhile."""


class KeyReused(ZoeError):
    """Raised when an idempotency key comes again with another request."""


class IllegalTransition(ZoeError):
    """Raised when the lifecycle table has no move for this state and event. The last moves that were made are told."""

    history: tuple[str, ...] = ()
    """Oldest first: when, what, why."""

    def __init__(self, message: str, history: Iterable[str] = ()) -> None:
        self.history = tuple(history)
        super().__init__(f"{message}. Before that: {'; '.join(self.history)}" if self.history else message)


class CapacityExceeded(ZoeError):
    """Raised when something needs more than the machines will ever have."""


class StaleLease(ZoeError):
    """Raised when a service that led writes after another has taken the lead."""


class LimitReached(ZoeError):
    """Raised when a user has as many of something as one user may have. Waiting does not help."""


class QuotaExceeded(LimitReached):
    """Raised when a quota of a user, or of one of the user's groups, does not allow what was asked for."""

    def __init__(self, message: str, quota: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.quota = dict(quota or {})
        """The same for programs: whose quota, of what, its value, what is used and by what."""


class TooManyRequests(ZoeError):
    """Raised when a caller asks more often than is allowed; `retry_after` seconds later it may ask again."""

    retry_after = 1.0

    def __init__(self, message: str, *, retry_after: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class NotPermitted(ZoeError):
    """Raised when the caller may not do this."""


class ServiceUnavailable(ZoeError):
    """Raised when Zoe's Hub service could not be reached."""


class LaunchFailed(ZoeError):
    """Raised when the engine could not start an instance."""


class ExecutionEnded(ZoeError):
    """Raised when an execution ended, or failed, while somebody waited for it."""
