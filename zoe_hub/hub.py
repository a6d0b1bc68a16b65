"""Adds Zoe to a JupyterHub: three lines at the end of ``jupyterhub_config.py``.

::

    from zoe_hub.hub import configure
    configure(c)
    c.JupyterHub.spawner_class = "zoe-simple"
"""

from __future__ import annotations

import os
import secrets
import socket
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jupyterhub import version_info  # type: ignore[import-untyped]
from traitlets.config import Config
from traitlets.config.loader import LazyConfigValue

from .config import default_home
from .hub_navigation import PATH as NAVIGATION
from .hub_navigation import NavigationHandler
from .hub_servers import SCOPE as READ_SERVERS
from .web.groups import READ_GROUPS
from .web.scopes import ADMIN_AUDIT, ADMIN_EXECUTIONS, ADMIN_QUOTAS, READ_METRICS, SCOPES, USER_SCOPES

SERVICE = "zoe"
ACCESS = f"access:services!service={SERVICE}"
PREFIX = f"/services/{SERVICE}"
TOKEN_FILE = "service-token"
PORT_FILE = "service-port"
SERVICE_POLL = 5
"""Seconds between two looks of the Hub whether its services run. One that ends at once is started again so often."""

_PAGES = Path(__file__).parent / "spawner" / "hub_pages"
"""Templates of the Hub's own pages, with what Zoe adds to them."""
_PASSED_ON = (
    "HOME", "USER", "LOGNAME", "TMPDIR", "JAVA_HOME", "SPARK_HOME", "TZ", "SSL_CERT_FILE",
    "DOCKER_HOST", "DOCKER_CONFIG", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH",
)  # fmt: skip
_SECRET_WORDS = ("PASSWORD", "TOKEN", "SECRET", "KEY")


def configure(
    c: Config,
    *,
    home: str | Path | None = None,
    service_url: str | None = None,
    environment: Mapping[str, str] | None = None,
    allow_root: bool = False,
) -> None:
    """Register Zoe's service, its scopes and roles, its place in the navigation, and tell the spawner where it is.

    Adds to the lists that the configuration has so far and replaces none; call it after they are set.
    A second call changes nothing.

    `home` is the folder of everything that Zoe writes (default: ZOE_HOME, else ``~/.zoe``); made here,
    for the Hub's user only. `service_url` is where the service listens, ``http://127.0.0.1:PORT``
    (default: a port that is free at the first start and kept in the home folder). `environment` is
    added to the service's own. A hub that runs as root starts a service that runs as root, and users'
    clusters with it: the service refuses unless `allow_root` says that every user may be root here.
    Raises ValueError for a `service_url` that is no such address.
    """
    _look_after_services_often()
    folder = Path(home).absolute() if home else default_home()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    url = _service_url(service_url, folder)
    token = _kept_token(folder / TOKEN_FILE)

    services = _list(c, "services")
    if any(service.get("name") == SERVICE for service in services):
        return
    services.append(
        {
            "name": SERVICE,
            "display": True,
            "url": url,
            "api_token": token,
            "command": [
                sys.executable,
                "-m",
                "zoe_hub",
                "--end-with-parent",
                *(["--allow-root"] if allow_root else []),
            ],
            "environment": {**_inherited(), **(environment or {}), "ZOE_HOME": str(folder)},
            "oauth_no_confirm": True,
            # What a browser that logs in may do here, as far as its user may: administrators have their pages, too.
            "oauth_client_allowed_scopes": [*USER_SCOPES, ADMIN_EXECUTIONS, ADMIN_AUDIT, ADMIN_QUOTAS],
        }
    )
    _add_scopes_and_roles(c)
    # Behind those of the administrator, whose pages stay as they are.
    _list(c, "template_paths").append(str(_PAGES))
    _list(c, "extra_handlers").append((f"/{NAVIGATION}", NavigationHandler))
    c.ZoeMixin.zoe_url = url + _base_url(c) + PREFIX.lstrip("/")
    c.ZoeMixin.zoe_token = token
    c.ZoeDockerSpawner.setdefault("zoe_home", str(folder))
    c.ZoeMixin.zoe_server_scopes = [ACCESS, *USER_SCOPES]


def _look_after_services_often() -> None:
    """Let the Hub notice within seconds that a service was killed.

    It looks every 30 seconds and has no setting for services. Where a version of it has not this class, it stays so.
    """
    with suppress(ImportError):
        from jupyterhub.services.service import _ServiceSpawner  # type: ignore[import-untyped]

        _ServiceSpawner.poll_interval = SERVICE_POLL


def _add_scopes_and_roles(c: Config) -> None:
    known = _dict(c, "custom_scopes")
    for scope, description in SCOPES.items():
        known.setdefault(scope, {key: value for key, value in description.items() if value})
    roles = _list(c, "load_roles")
    administrators: dict[str, Any] = {"name": "zoe-admin", "services": [SERVICE], "scopes": [ADMIN_EXECUTIONS]}
    observers: dict[str, Any] = {"name": "zoe-observer", "scopes": [ADMIN_AUDIT, READ_METRICS]}
    quotas: dict[str, Any] = {"name": "zoe-quotas", "scopes": [ADMIN_QUOTAS]}
    # JupyterHub's own role `admin` cannot be extended.
    if c.Authenticator.get("admin_users"):
        for role in (administrators, observers, quotas):
            role["users"] = sorted(c.Authenticator.admin_users)
    roles += [administrators, observers, quotas]
    # Whose executions the administrators of a group may reach, the Hub has to tell.
    prefix = f"{ADMIN_EXECUTIONS}!group="
    held = [scope for role in roles for scope in role.get("scopes", ()) if scope.startswith(prefix)]
    if read := sorted({f"read:groups!group={scope.removeprefix(prefix)}" for scope in held}):
        roles.append({"name": "zoe-groups", "services": [SERVICE], "scopes": read})
    # To notice servers that end without the spawner's word.
    # And whose groups' quotas hold for a server that the spawner starts.
    roles.append({"name": "zoe-service", "services": [SERVICE], "scopes": [READ_SERVERS, READ_GROUPS]})
    ours = [ACCESS, *USER_SCOPES]
    own = next((role for role in roles if role.get("name") == "user"), None)
    if own is not None:
        own["scopes"] = list(dict.fromkeys([*own.get("scopes", ["self"]), *ours]))
    elif version_info[0] >= 6:
        _set(c, "extra_user_scopes").update(ours)
    else:
        roles.append({"name": "user", "scopes": ["self", *ours]})


def _service_url(wanted: str | None, folder: Path) -> str:
    if wanted is None:
        return f"http://127.0.0.1:{_kept_port(folder / PORT_FILE)}"
    scheme, _, rest = wanted.rstrip("/").partition("://")
    port = rest.rpartition(":")[2]
    if scheme != "http" or "/" in rest or not port.isdecimal():
        raise ValueError(
            f"service_url is {wanted!r}; it is written like http://127.0.0.1:9999, with a port and without a path."
        )
    return wanted.rstrip("/")


def _kept_port(path: Path) -> int:
    """The port chosen at the first start. A file that holds no port is written anew."""
    try:
        return int(path.read_text().strip())
    except (FileNotFoundError, ValueError):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        path.write_text(f"{port}\n")
        return port


def _kept_token(path: Path) -> str:
    """The token made at the first start, readable by its owner alone."""
    if path.exists() and not path.read_text().strip():
        # A start that was cut short. With no token, the spawner would take Zoe for not configured.
        path.unlink()
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secrets.token_hex(32))
    try:
        # Unlike a rename, a link never replaces a file that is there.
        os.link(draft, path)
    except FileExistsError:
        path.chmod(0o600)
    finally:
        draft.unlink()
    return path.read_text().strip()


def _inherited() -> dict[str, str]:
    """What the service needs of the Hub's environment, which JupyterHub does not pass on by itself."""
    wanted = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    for name, value in os.environ.items():
        if name.startswith("ZOE_") and not any(word in name for word in _SECRET_WORDS):
            wanted[name] = value
    return wanted


def _base_url(c: Config) -> str:
    """The Hub's prefix, with a slash at both ends; it may also be part of `bind_url`."""
    base = c.JupyterHub.get("base_url") or urlsplit(str(c.JupyterHub.get("bind_url", ""))).path
    inner = str(base).strip("/")
    return f"/{inner}/" if inner else "/"


def _list(c: Config, name: str) -> list[Any]:
    value = _so_far(c, name, [])
    c.JupyterHub[name] = list(value)
    found: list[Any] = c.JupyterHub[name]
    return found


def _dict(c: Config, name: str) -> dict[str, Any]:
    c.JupyterHub[name] = dict(_so_far(c, name, {}))
    found: dict[str, Any] = c.JupyterHub[name]
    return found


def _set(c: Config, name: str) -> set[str]:
    c.JupyterHub[name] = set(_so_far(c, name, set()))
    found: set[str] = c.JupyterHub[name]
    return found


def _so_far(c: Config, name: str, empty: Any) -> Any:
    """What the configuration has for a list of JupyterHub, also when it was only appended to."""
    value = c.JupyterHub.get(name, empty)
    return value.get_value(empty) if isinstance(value, LazyConfigValue) else value
