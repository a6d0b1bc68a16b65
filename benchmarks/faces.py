"""The panel of JupyterLab in a real browser: its size, when it is there, how it scrolls, how fresh it is."""

from __future__ import annotations

import asyncio
import gzip
import itertools
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright
from processes import free_port
from report import Figure, end_on_signals, say, show, wait_until
from service import TOKEN, Service, fill, running

from tests.faces.conftest import newest_panel, prepare_lab
from tests.web.pages.browser import find_browser
from tests.zoe_server_ext.servers import TOKEN as PASSWORD
from tests.zoe_server_ext.servers import Server

LIVE = int(os.environ.get("ZOE_BENCH_LIVE", "1000"))
FEW = 5
"""What a person has on a common day."""
CHANGES = int(os.environ.get("ZOE_BENCH_CHANGES", "200"))
ROUNDS = int(os.environ.get("ZOE_BENCH_ROUNDS", "5"))
FRAMES = 300
LATE = 25.0
"""Milliseconds: a frame that was missed."""
SIZE, READY, PER_SECOND, DELAY = 250.0, 300.0, 60.0, 100.0

LISTED = """
count => {
  const rows = [...document.querySelectorAll('#zoe-panel .zoe-executions > li')];
  return rows.length > 0 && Number(rows[0].getAttribute('aria-setsize') ?? rows.length) >= count;
}
"""
OPEN = f"""
count => new Promise(done => {{
  const tab = document.querySelector('[data-id="zoe-panel"]');
  const begun = performance.now();
  const listed = {LISTED.strip()};
  const there = () => listed(count) && document.querySelector('#zoe-panel .zoe-shelf') !== null;
  // A frame in which all of it is in the page has been drawn when the next one begins.
  const drawn = () => requestAnimationFrame(() => done(performance.now() - begun));
  const look = () => there() ? drawn() : requestAnimationFrame(look);
  const {{x, y}} = tab.getBoundingClientRect();
  for (const kind of ['pointerdown', 'mousedown', 'pointerup', 'mouseup', 'click']) {{
    const about = {{bubbles: true, cancelable: true, button: 0, clientX: x + 5, clientY: y + 5}};
    tab.dispatchEvent(new (kind.startsWith('pointer') ? PointerEvent : MouseEvent)(kind, about));
  }}
  look();
}})
"""
SCROLL = """
frames => new Promise(done => {
  const panel = document.querySelector('#zoe-panel');
  const times = [];
  const step = now => {
    times.push(now);
    panel.scrollTop += 60;
    times.length <= frames ? requestAnimationFrame(step) : done(times);
  };
  requestAnimationFrame(step);
})
"""
EMPTY = '<div id="zoe-panel" style="height: 700px; overflow: auto"><div style="height: 200000px"></div></div>'
SIGHT = """
() => {
  const {top, bottom} = document.querySelector('#zoe-panel').getBoundingClientRect();
  const whole = each => each.getBoundingClientRect().top >= top && each.getBoundingClientRect().bottom <= bottom;
  return [...document.querySelectorAll('#zoe-panel .zoe-executions > li')].filter(whole).map(each => each.dataset.key);
}
"""
WATCH = """
() => {
  window.zoeDrawn = {};
  new MutationObserver(changes => {
    const found = new Set();
    for (const change of changes) {
      const at = change.target.nodeType === 1 ? change.target : change.target.parentElement;
      const row = at && at.closest('.zoe-executions > li');
      if (row) found.add(row.dataset.key);
    }
    // What is drawn next has been seen by nobody yet: it is on the screen when that frame is over.
    requestAnimationFrame(() => setTimeout(() => {
      for (const id of found) (window.zoeDrawn[id] ??= []).push(Date.now());
    }));
  }).observe(document.querySelector('#zoe-panel'), {subtree: true, childList: true, characterData: true});
}
"""


def sizes(panel: Path) -> float:
    """Kilobytes (1,000 bytes) of all scripts of the panel together, as they travel."""
    return sum(len(gzip.compress(each.read_bytes(), 9)) for each in (panel / "static").glob("*.js")) / 1000


def visit(page: Page, lab: Server) -> None:
    """A lab that has done all that it does at its start."""
    page.goto(f"{lab.url}lab?token={PASSWORD}&reset")
    page.wait_for_selector('[data-id="zoe-panel"]', timeout=120_000)
    page.wait_for_selector(".jp-LauncherCard", timeout=120_000)


def opened(page: Page, lab: Server, count: int) -> float:
    """Milliseconds from the click on the panel's tab, in a lab that is there, until everything is listed."""
    times = []
    for _ in range(ROUNDS):
        visit(page, lab)
        times.append(float(page.evaluate(OPEN, count)))
        say(f"  {count} executions: the panel is there after {times[-1]:.0f} ms")
    return statistics.median(times)


def scrolled(page: Page, what: str) -> float:
    """Frames in a second, while 1,000 cards pass; the median of several passes."""
    rates = []
    for _ in range(ROUNDS):
        page.evaluate("document.querySelector('#zoe-panel').scrollTop = 0")
        times: list[float] = page.evaluate(SCROLL, FRAMES)
        steps = [after - before for before, after in itertools.pairwise(times)]
        rates.append(1000 * len(steps) / sum(steps))
        late = {at: round(step) for at, step in enumerate(steps) if step > LATE}
        usual = statistics.median(steps)
        say(f"  {what}: {rates[-1]:.2f} frames a second, median {usual:.2f} ms; late, by number, ms: {late}")
    return statistics.median(rates)


def screen(page: Page) -> float:
    """Frames in a second of the same browser, while nothing but a tall emptiness passes: as many as there can be."""
    page.set_content(EMPTY)
    return scrolled(page, "an empty page")


@dataclass(frozen=True)
class Delay:
    """Milliseconds until one change was on the screen, by the clock of this machine."""

    since_stored: float
    """Since the moment that the service stores with the change and its event, before it commits them."""
    since_asked: float
    """Since somebody began to ask for the change."""


def delays(page: Page, service: Service) -> list[Delay]:
    """Of so many changes, one after the other."""
    found = []
    # What was put off while it was scrolled is over, and what is in sight is at rest.
    page.evaluate("document.querySelector('#zoe-panel').scrollTop = 0")
    page.wait_for_function("document.querySelector('.zoe-executions > li').getAttribute('aria-posinset') === '1'")
    sight: list[str] = page.evaluate(SIGHT)
    page.evaluate(WATCH)
    with service.client() as http:
        for number in range(CHANGES):
            one = sight[number // 2 % len(sight)]
            place = f"/executions/{one}/attachment"
            before = int(page.evaluate("id => (window.zoeDrawn[id] ?? []).length", one))
            begun = time.time()
            answer = http.delete(place) if number % 2 else http.put(place, json={"server": f"{TOKEN}/"})
            answer.raise_for_status()
            page.wait_for_function("([id, before]) => (window.zoeDrawn[id] ?? []).length > before", arg=[one, before])
            drawn = float(page.evaluate("([id, before]) => window.zoeDrawn[id][before]", [one, before]))
            stored = datetime.fromisoformat(answer.json()["updated"].replace("Z", "+00:00")).timestamp()
            found.append(Delay(since_stored=drawn - 1000 * stored, since_asked=drawn - 1000 * begun))
    return found


def measured(page: Page, live: int, folder: Path, panel: Path, most: float) -> list[Figure]:
    """With so many executions of one person. `most`: frames a second of an empty page."""
    home, results = folder / f"home-{live}", []
    with running(home, free_port()) as service:
        wait_until(lambda: service.states().count("running") == live, "The last of the executions", pause=1)
        prepare_lab(folder / f"lab-{live}", panel)
        settings: dict[str, Any] = {"ZOE_URL": service.url, "ZOE_TOKEN": TOKEN}
        with Server(folder / f"lab-{live}", lab=True, **settings) as lab:
            ready = opened(page, lab, live)
            if live == FEW:
                results.append(Figure(f"panel usable, {live} executions", ready, READY, "ms"))
            else:
                say(f"  with {live} executions it is there after {ready:.0f} ms")
                page.wait_for_function(LISTED, arg=live)
                rate = scrolled(page, f"{live} executions")
                # A machine that is busy draws fewer frames of anything; and there are only whole ones.
                frames = round(PER_SECOND * min(rate / most, 1))
                results.append(Figure(f"scrolling, {live} executions", frames, PER_SECOND, "/s", True))
                found = delays(page, service)
                late = _told("stored", [each.since_stored for each in found])
                _told("asked for", [each.since_asked for each in found])
                results.append(Figure(f"stored to screen, {live} executions, p99", late, DELAY, "ms"))
    return results


def _told(what: str, milliseconds: Sequence[float]) -> float:
    """What 99 of 100 do not exceed, told beside the median."""
    late = statistics.quantiles(milliseconds, n=100)[98]
    say(f"  a change is on the screen {statistics.median(milliseconds):.0f} ms after it was {what}, p99 {late:.0f} ms")
    return late


def main() -> int:
    """Run the benchmark; the exit status."""
    end_on_signals()
    panel = newest_panel()
    if panel is None:
        say("The panel is not built: make setup")
        return 2
    results = [Figure("scripts of the panel, compressed", sizes(panel), SIZE, "kB")]
    with tempfile.TemporaryDirectory(prefix="zoe-bench-") as name:
        for live in (FEW, LIVE):
            home = Path(name) / f"home-{live}" / "data"
            home.mkdir(parents=True)
            asyncio.run(fill(home / "zoe.sqlite", live=live, users=1))
        results += browse(Path(name), panel)
    return show(results)


def browse(folder: Path, panel: Path) -> list[Figure]:
    """All that is measured in the browser. Its library has an event loop of its own, beside which no other runs."""
    results = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=["--no-sandbox"])
        page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
        most = screen(page)
        for live in (FEW, LIVE):
            results += measured(page, live, folder, panel, most)
        browser.close()
    return results


if __name__ == "__main__":
    sys.exit(main())
