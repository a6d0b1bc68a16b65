"""A newcomer at a demo hub that runs: logs in, starts JupyterLab, copies the README's cells.

`python -m tests.road.example URL`, with the demo's password in `ZOE_DEMO_PASSWORD`. Needs what the demo needs, and no
pytest: scripts/fresh_starts.py runs it.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time

import httpx

from .cells import cells
from .lab import open_notebook

USER = "alice"
STARTS_WITHIN = 90.0
"""Seconds."""


async def start_lab(url: str, password: str) -> str:
    """Log in at the login page and start *JupyterLab*; a token for the server."""
    async with httpx.AsyncClient(base_url=url, follow_redirects=True, timeout=60, trust_env=False) as browser:

        def xsrf() -> str:
            return next(str(cookie.value) for cookie in browser.cookies.jar if cookie.name == "_xsrf")

        await browser.get("/hub/login")
        await browser.post("/hub/login", data={"username": USER, "password": password, "_xsrf": xsrf()})
        browser.headers.update({"X-XSRFToken": xsrf(), "Referer": f"{url}/hub/home"})
        started = await browser.post(f"/hub/api/users/{USER}/server", json={"user_options": {"zapp": "jupyterlab"}})
        started.raise_for_status()
        deadline = time.monotonic() + STARTS_WITHIN
        while not (await browser.get(f"/hub/api/users/{USER}")).json()["servers"].get("", {}).get("ready"):
            if time.monotonic() > deadline:
                raise TimeoutError(f"The server does not start within {STARTS_WITHIN:.0f} seconds.")
            await asyncio.sleep(0.2)
        made = await browser.post(f"/hub/api/users/{USER}/tokens", json={"note": "a newcomer", "expires_in": 3600})
        return str(made.raise_for_status().json()["token"])


async def copy_cells(url: str, token: str) -> None:
    """Run every cell of the README in one kernel; a cell that fails, or shows something else, raises AssertionError."""
    async with open_notebook(f"{url}/user/{USER}/", token) as notebook:
        for code, shown in cells("README.md"):
            begin = time.monotonic()
            result = await notebook.run(code)
            assert all(line in result.text for line in shown.splitlines()), f"after\n{code}\ncame\n{result.text}"
            print(f"{time.monotonic() - begin:7.1f} s  {code.strip().splitlines()[-1]}", flush=True)


async def main(url: str) -> None:
    """All of it."""
    await copy_cells(url, await start_lab(url, os.environ["ZOE_DEMO_PASSWORD"]))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
