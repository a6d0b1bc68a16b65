"""A relational database under an event loop: threads and transactions."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, BigInteger, Connection, Engine, bindparam, insert, update
from sqlalchemy.exc import DatabaseError, DBAPIError, IntegrityError, OperationalError

from ..logs import kept
from ..model.errors import ServiceUnavailable
from ..model.events import EventKind
from .engines import address, in_memory, postgresql_engine, sqlite_engine, with_driver
from .tables import event_counter, events
from .upgrade import require_schema, upgrade

log = logging.getLogger(__name__)

T = TypeVar("T")
Item = TypeVar("Item")
Together = Callable[["Transaction", Sequence[Item]], Sequence["T | Exception"]]
"""Does the same for several at once; gives a result, or an error that has changed nothing, for each."""

_ATTEMPTS = 20
_GROUP = 100
"""Works that may share a transaction."""
_SERIALISATION_FAILURES = frozenset({"40001", "40P01"})
_ENDED_BY_SERVER = frozenset({"25P03"})

_COUNT = (
    update(event_counter)
    .values(value=event_counter.c.value + bindparam("count", type_=BigInteger))
    .returning(event_counter.c.value)
)
_INSERT_EVENTS = insert(events)


@dataclass(frozen=True)
class Subject:
    """The execution that a transaction changes."""

    execution: str
    owner: str


class Transaction:
    """A writing transaction and the events that it stores at its end."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.subject: Subject | None = None
        """What it is about, once that is known; the last one, where it is about several."""
        self.now = datetime.now(timezone.utc)
        self.known: dict[str, Any] = {}
        """What parts of it have found out for the parts that follow."""
        self._events: list[dict[str, Any]] = []

    def record(self, owner: str, execution: str, kind: EventKind, **data: Any) -> None:
        self._events.append(
            {"time": self.now, "owner": owner, "execution": execution, "kind": kind.value, "data": data}
        )

    def attempt(self, work: Callable[[Transaction], T]) -> T:
        """Run a part of the transaction. If it raises, nothing of it is left, and the rest can go on.

        Each part has a later `now` than the one before: what one says of all until now is not said of the next.
        """
        before = len(self._events)
        self.now = max(datetime.now(timezone.utc), self.now + timedelta(microseconds=1))
        self.connection.exec_driver_sql("SAVEPOINT part")
        try:
            result = work(self)
        except BaseException:
            del self._events[before:]
            self.connection.exec_driver_sql("ROLLBACK TO SAVEPOINT part")
            raise
        self.connection.exec_driver_sql("RELEASE SAVEPOINT part")
        return result

    def finish(self) -> int:
        """Store the events, as the last thing before the commit. Returns the last number, 0 without events."""
        if not self._events:
            return 0
        count = len(self._events)
        last: int = self.connection.execute(_COUNT, {"count": count}).scalar_one()
        first = last - count + 1
        self.connection.execute(_INSERT_EVENTS, [{"seq": first + n, **row} for n, row in enumerate(self._events)])
        return last


class _Unstorable(Exception):
    """Before the commit: the events hold what no database takes, such as what is no JSON."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(str(cause))
        self.cause = cause


@dataclass(frozen=True)
class _Wish:
    """What waits for its transaction: a work, or something to which `many` is to be done."""

    outcome: asyncio.Future[Any]
    work: Callable[[Transaction], Any] | None = None
    many: Together[Any, Any] | None = None
    item: Any = None

    def alone(self, transaction: Transaction) -> Any:
        if self.work is not None:
            return self.work(transaction)
        assert self.many is not None
        (outcome,) = self.many(transaction, [self.item])
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome


class Database:
    """Runs each transaction as one synchronous function in a thread of its own, never in the event loop.

    `committed` is called in the event loop with the number of the last event of each transaction; `timed`,
    in the transaction's thread, with its kind ("read" or "write"), its seconds, and whether the database was at fault.
    """

    def __init__(
        self,
        url: str | Path,
        committed: Callable[[int], None],
        timed: Callable[[str, float, bool], None] | None = None,
        upgrades: bool = True,
    ) -> None:
        # In an address, a question mark would end the path.
        parsed = URL.create("sqlite", database=str(url)) if isinstance(url, Path) else with_driver(address(url))
        self._sqlite = parsed.get_backend_name() == "sqlite"
        self._path = parsed.database if self._sqlite and not in_memory(parsed) else None
        self._committed = committed
        self._timed = timed
        self._upgrades = upgrades
        self._queue: deque[_Wish] = deque()
        self._queue_lock = threading.Lock()
        self._open = False
        self._engine = sqlite_engine(parsed) if self._sqlite else postgresql_engine(parsed)
        self._writes: Engine = self._engine.execution_options(zoe_writes=True)
        # An execution and its instances are two queries: both must see the same moment. SQLite does so anyhow.
        self._reads = (
            self._engine if self._sqlite else self._engine.execution_options(isolation_level="REPEATABLE READ")
        )

    @property
    def in_file(self) -> bool:
        return self._path is not None

    async def open(self) -> None:
        """Connect and bring the schema to this version, if that is wanted.

        Raises NewerDatabase, OlderDatabase, ServiceUnavailable.
        """
        self._loop = asyncio.get_running_loop()
        self._writer = ThreadPoolExecutor(1, "zoe-store-write")
        private = self._sqlite and self._path is None
        self._reader = self._writer if private else ThreadPoolExecutor(2 if self._sqlite else 4, "zoe-store-read")
        self._open = True
        try:
            await self._loop.run_in_executor(self._writer, self._upgrade)
        except BaseException:
            await self.close()
            raise

    def _upgrade(self) -> None:
        if not self._upgrades:
            if self._path is not None and not Path(self._path).is_file():
                raise ServiceUnavailable(f"There is no database {self._path}.")
            with _faults_named(), self._engine.begin() as connection:
                require_schema(connection)
            return
        try:
            if self._path is not None:
                _make_private_file(Path(self._path))
        except OSError as error:
            raise _unavailable(error) from error
        with _faults_named(), self._writes.begin() as connection:
            upgrade(connection)

    async def close(self) -> None:
        """Finish what was begun and disconnect. A second call does nothing."""
        if not self._open:
            return
        self._open = False
        for executor in (self._reader, self._writer):
            await asyncio.to_thread(executor.shutdown)
        await asyncio.to_thread(self._engine.dispose)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a transaction that sees one moment. Raises ServiceUnavailable after `close`."""
        self._check_open()
        return await self._loop.run_in_executor(self._reader, kept(self._read), work)

    async def write(self, work: Callable[[Transaction], T]) -> T:
        """Run `work` in a transaction, together with others that wait: a commit costs more than a change.

        It is run again when it collided with another one, and must therefore look at the database afresh.
        (Group commit: DeWitt et al., *Implementation techniques for main memory database systems*, 1984, §5.)
        Raises ServiceUnavailable after `close`.
        """
        outcome: T = await self._wait_for(_Wish(self._loop.create_future(), work=kept(work)))
        return outcome

    async def write_together(self, many: Together[Item, T], item: Item) -> T:
        """As `write`. Those that follow each other and wait for the same `many` (equal functions) are done at once."""
        outcome: T = await self._wait_for(_Wish(self._loop.create_future(), many=many, item=item))
        return outcome

    async def _wait_for(self, wish: _Wish) -> Any:
        # Nobody would take it from the queue any more: it and all that come after it would wait for ever.
        self._check_open()
        with self._queue_lock:
            first = not self._queue
            self._queue.append(wish)
        if first:
            self._loop.run_in_executor(self._writer, self._write_queued)
        return await wish.outcome

    def _check_open(self) -> None:
        if not self._open:
            raise ServiceUnavailable("Zoe's database is closed, because the service ends.")

    @contextlib.contextmanager
    def _measured(self, kind: str) -> Iterator[None]:
        begun, failed = time.perf_counter(), False
        try:
            yield
        except (ServiceUnavailable, DBAPIError):
            failed = True
            raise
        finally:
            if self._timed is not None:
                self._timed(kind, time.perf_counter() - begun, failed)

    def _read(self, work: Callable[[Connection], T]) -> T:
        with self._measured("read"), _faults_named(), self._reads.begin() as connection:
            return work(connection)

    def _write_queued(self) -> None:
        while True:
            with self._queue_lock:
                wishes = [self._queue.popleft() for _ in range(min(len(self._queue), _GROUP))]
            if not wishes:
                return
            try:
                outcomes = self._write(wishes)
            # Whatever it is, those who wait must hear of it.
            except BaseException as error:
                outcomes = [error] * len(wishes)
            for wish, outcome in zip(wishes, outcomes, strict=True):
                self._loop.call_soon_threadsafe(_settle, wish.outcome, outcome)

    def _write(self, wishes: Sequence[_Wish]) -> list[Any]:
        """The results, or the errors, of those that share a transaction; of those that cannot, one by one."""
        if len(wishes) > 1:
            try:
                return self._write_once(wishes)
            except (DBAPIError, _Unstorable):
                return [outcome for wish in wishes for outcome in self._write([wish])]
            # Not one by one: where the connection was lost during the commit, they may be stored.
            except ServiceUnavailable as error:
                return [error] * len(wishes)
        for attempt in itertools.count(1):
            try:
                return self._write_once(wishes)
            except DBAPIError as error:
                if attempt == _ATTEMPTS or not _collided(error):
                    return [error]
            except _Unstorable as error:
                return [error.cause]
            except Exception as error:
                return [error]
        raise AssertionError("unreachable")

    def _write_once(self, wishes: Sequence[_Wish]) -> list[Any]:
        """Raises what concerns the transaction as a whole, and DBAPIError."""
        outcomes: list[Any] = []
        with self._measured("write"), _faults_named(), self._writes.begin() as connection:
            transaction = Transaction(connection)
            if len(wishes) == 1:
                outcomes.append(wishes[0].alone(transaction))
            else:
                for many, alike in itertools.groupby(wishes, lambda wish: wish.many):
                    outcomes += _parts(transaction, [*alike], many)
            try:
                seq = transaction.finish()
            except DBAPIError:
                raise
            except Exception as error:
                raise _Unstorable(error) from error
        if seq:
            self._loop.call_soon_threadsafe(self._committed, seq)
        return outcomes


def _parts(transaction: Transaction, wishes: Sequence[_Wish], many: Together[Any, Any] | None) -> Sequence[Any]:
    """The results, or the errors. Raises DBAPIError."""
    if many is not None and len(wishes) > 1:
        items = [wish.item for wish in wishes]
        try:
            return transaction.attempt(lambda part: many(part, items))
        except DBAPIError:
            raise
        # Whosever fault it is, the others are not to suffer from it.
        except Exception as error:
            log.debug("One by one, as they cannot be done at once: %s", error)
    outcomes: list[Any] = []
    for wish in wishes:
        try:
            outcomes.append(transaction.attempt(wish.alone))
        except DBAPIError:
            raise
        except Exception as error:
            outcomes.append(error)
    return outcomes


def _settle(future: asyncio.Future[Any], outcome: Any) -> None:
    # Who asked may have gone away.
    if future.done():
        return
    if isinstance(outcome, BaseException):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)


def _collided(error: DBAPIError) -> bool:
    return isinstance(error, IntegrityError) or getattr(error.orig, "sqlstate", None) in _SERIALISATION_FAILURES


@contextlib.contextmanager
def _faults_named() -> Iterator[None]:
    """Tell users of faults of the database, as opposed to those of a statement."""
    try:
        yield
    except DBAPIError as error:
        # Damaged files have the base class itself.
        at_fault = isinstance(error, OperationalError) or type(error) is DatabaseError
        at_fault = at_fault or error.connection_invalidated or getattr(error.orig, "sqlstate", None) in _ENDED_BY_SERVER
        if at_fault and not _collided(error):
            raise _unavailable(error.orig) from error
        raise


def _unavailable(reason: BaseException | None) -> ServiceUnavailable:
    return ServiceUnavailable(f"Zoe's database cannot be used just now: {reason}")


def _make_private_file(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
