"""Runs in the user's kernel: gives it `spark`, a Spark Connect session on the cluster.

One kernel may hold sessions on several clusters; the one made last is what
``SparkSession.builder.getOrCreate()`` returns, until it is stopped.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Callable
from typing import Any

MODE = "SPARK_CONNECT_MODE_ENABLED"
REMOTE = "SPARK_REMOTE"
QUICK = 2.0
"""Seconds that saying goodbye, or asking whether a session works, may take."""


def connect(connection: dict[str, str]) -> dict[str, Any]:
    """A new session on the cluster, as `spark`; it is the default session from now on.

    `connection` has `host`, `port`, `token` and `user`. Raises ImportError, with what to install,
    when the client is missing, and ConnectionError when the server does not accept the session.
    """
    try:
        from pyspark.sql.connect.client import DefaultChannelBuilder
        from pyspark.sql.connect.client.retries import DefaultPolicy
        from pyspark.sql.connect.session import SparkSession
    except ImportError as error:
        raise ImportError(
            f"This kernel has no Spark Connect client ({error}); install it with: pip install 'pyspark[connect]'"
        ) from error

    class Channel(DefaultChannelBuilder):
        # With the channel's own token, the client would insist on TLS for every host but localhost.
        token = None
        secure = False

    host, port = connection["host"], connection["port"]
    channel = Channel(f"sc://{f'[{host}]' if ':' in host else host}:{port}")
    channel.set("authorization", f"Bearer {connection['token']}")
    channel.set("user_id", connection["user"])
    channel.setChannelOption("grpc.enable_http_proxy", 0)
    # By default a client tries for ten minutes to reach a server that is gone.
    patience = DefaultPolicy(max_retries=9, initial_backoff=100, max_backoff=4000, backoff_multiplier=2.0)
    session = SparkSession(connection=channel)
    session.client.set_retry_policies([patience])
    try:
        _ask(session)
    except Exception as error:
        _close(session)
        raise ConnectionError(f"Spark at {host}:{port} did not accept the session: {error}") from error
    _make_default(SparkSession, session)
    # What pyspark itself sets for Connect: functions such as `col` then need no session of the classic kind.
    os.environ[MODE] = "1"
    # getOrCreate refuses to look for the session without an address; it needs no token to return this one.
    os.environ[REMOTE] = _address(session)
    return {"spark": session}


def disconnect(names: dict[str, Any]) -> None:
    """Stop the session that `connect` returned. Quick and quiet, also when its server is gone; may be repeated."""
    session = names.get("spark")
    if session is None or not hasattr(session, "client"):
        return
    with contextlib.suppress(Exception):
        # Whatever goes wrong here concerns a session that nobody will use again.
        if not session.is_stopped:
            _release(session)
            _close(session)
    cls = type(session)
    if os.environ.get(REMOTE) == _address(session) and cls._get_default_session() is None:
        os.environ.pop(REMOTE, None)
        os.environ.pop(MODE, None)


def alive(names: dict[str, Any]) -> bool:
    """Whether the session still works; false after its server went away or was started anew."""
    session = names.get("spark")
    if session is None or not hasattr(session, "client") or session.is_stopped or not _reachable(session):
        return False
    return bool(_within(QUICK, lambda: _ask(session)))


def watch(names: dict[str, Any], tell: Callable[[dict[str, Any]], None]) -> None:
    """Tell what the queries of the session are at, in the thread that waits for them; about twice a second."""

    def progress(stages: Any, inflight_tasks: int, operation_id: str | None, done: bool) -> None:
        told = [
            {
                "id": stage.stage_id,
                "tasks": stage.num_tasks,
                "completed": stage.num_completed_tasks,
                "bytes": stage.num_bytes_read,
            }
            for stage in stages or ()
        ]
        tell({"operation": operation_id or "", "stages": told, "running": inflight_tasks, "done": done})

    names["spark"].registerProgressHandler(progress)


def cancel(names: dict[str, Any], operation: str) -> None:
    """End one query; whoever waits for it is told that it was cancelled."""
    names["spark"].interruptOperation(operation)


def _ask(session: Any) -> bool:
    # The smallest question that the server answers for this session and no other.
    session.conf.get("spark.app.name", None)
    return True


def _make_default(cls: Any, session: Any) -> None:
    with cls._lock:
        cls._default_session = session
        cls._active_session.session = session


def _release(session: Any) -> None:
    """Tell the server that the session is over, if it can be told quickly."""
    session.client.set_retry_policies([])
    if _reachable(session):
        _within(QUICK, session.client.release_session)


def _close(session: Any) -> None:
    session.release_session_on_close = False
    # Requests that a dead server never answers would be waited for.
    getattr(session.client, "_release_futures", set()).clear()
    session.stop()


def _address(session: Any) -> str:
    return f"sc://{session.client._builder.endpoint}"


def _reachable(session: Any) -> bool:
    host, _, port = session.client._builder.endpoint.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=1).close()
    except OSError:
        return False
    return True


def _within(seconds: float, action: Any) -> Any:
    """What the action returns, or None when it fails or takes longer."""
    answer: list[Any] = []

    def run() -> None:
        with contextlib.suppress(Exception):
            answer.append(action())

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    return answer[0] if answer else None
