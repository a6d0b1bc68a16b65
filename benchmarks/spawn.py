"""Request → lab answers: ZoeSpawner against SimpleLocalProcessSpawner, on hubs that are otherwise alike."""

from __future__ import annotations

import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import httpx
from hubs import Hub
from report import Result, alternate, end_on_signals, say, show, wait_until

GOAL = 1.05
USER = "alice"


def spawn(hub: Hub, token: str) -> float:
    """Seconds from the request to start a server until its lab page answers; the server is gone afterwards."""
    begin = time.perf_counter()
    options = {"zapp": "jupyterlab"} if hub.zoe else {}
    hub.request("POST", f"/users/{USER}/server", json={"user_options": options})
    with httpx.Client(base_url=hub.url, headers={"Authorization": f"token {token}"}) as browser:
        # Until the server is ready, the proxy sends its address to the hub, which redirects or refuses.
        wait_until(lambda: browser.get(f"/user/{USER}/lab").status_code == 200, "The lab", pause=0.05)
        took = time.perf_counter() - begin
        assert browser.get(f"/user/{USER}/api/status").status_code == 200
    wait_until(lambda: not server(hub).get("pending"), "The end of the start")
    hub.request("DELETE", f"/users/{USER}/server")
    wait_until(lambda: not server(hub), "The end of the server")
    return took


def server(hub: Hub) -> dict[str, object]:
    """The user's server as the Hub sees it; empty when there is none."""
    servers: dict[str, dict[str, object]] = hub.request("GET", f"/users/{USER}").json().get("servers") or {}
    return servers.get("", {})


def main() -> int:
    """Run the benchmark; the exit status."""
    end_on_signals()
    with tempfile.TemporaryDirectory(prefix="zoe-bench-") as name, ExitStack() as stack:
        say("Starting two hubs ...")
        zoe = stack.enter_context(Hub(Path(name, "zoe-hub"), zoe=True))
        plain = stack.enter_context(Hub(Path(name, "plain-hub"), zoe=False))
        tokens = {hub: hub.user(USER) for hub in (zoe, plain)}
        medians = alternate(
            {
                "SimpleLocalProcessSpawner": lambda: spawn(plain, tokens[plain]),
                "ZoeSimpleSpawner": lambda: spawn(zoe, tokens[zoe]),
            }
        )
    value, baseline = medians["ZoeSimpleSpawner"], medians["SimpleLocalProcessSpawner"]
    return show([Result("spawn: request to lab, against SimpleLocalProcessSpawner", value, baseline, GOAL)])


if __name__ == "__main__":
    sys.exit(main())
