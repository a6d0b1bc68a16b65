"""The panel for everybody: without a mouse, in another language, with hundreds of clusters, on a slow line."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, Route, expect

from tests.faces.notebooks import faults, new_notebook, open_lab, show_panel
from tests.zoe_server_ext.embedded import start, state, until
from tests.zoe_server_ext.servers import Server

pytestmark = pytest.mark.slow

LANGUAGE = "lab/api/settings/@jupyterlab/translation-extension:plugin"
MANY = 500
LONG = "a-name-that-nobody-would-type-" * 6


def focused(page: Page) -> str:
    """What the keyboard speaks to, as a screen reader calls it, within the panel; empty: it is elsewhere."""
    return str(
        page.evaluate(
            """() => {
              const at = document.activeElement;
              if (at === null || at.closest('#zoe-panel') === null) return '';
              const labels = at.labels === undefined || at.labels === null ? [] : [...at.labels];
              const name = at.getAttribute('aria-label') ?? labels.map(each => each.innerText).join(' ');
              return (name || at.innerText || at.id).trim();
            }"""
        )
    )


def tab_to(page: Page, name: str, most: int = 60) -> None:
    """With the Tab key alone."""
    seen = []
    for _ in range(most):
        if name in (found := focused(page)):
            return
        seen.append(found)
        page.keyboard.press("Tab")
    raise AssertionError(f"the keyboard does not come to {name}, but to {seen}")


def test_without_a_mouse_a_cluster_is_attached_scaled_and_terminated(page: Page, lab: Server) -> None:
    open_lab(page, lab)
    new_notebook(page, lab)
    panel = show_panel(page)
    expect(panel.get_by_role("button", name="Bell")).to_be_visible()
    panel.locator("h2").first.evaluate("each => { each.tabIndex = -1; each.focus(); }")

    tab_to(page, "Bell")
    page.keyboard.press("Enter")
    expect(panel.get_by_role("heading", name="Attach Bell")).to_be_focused()
    tab_to(page, "Workers")
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("1")
    tab_to(page, "Name")
    page.keyboard.type("by-keys")
    page.keyboard.press("Enter")

    card = panel.get_by_role("article", name="by-keys")
    expect(card).to_contain_text("workers: 1 of 1 ready")
    # The form has gone, and the keyboard is where one types next.
    until(lambda: page.evaluate("document.activeElement.closest('.jp-Notebook') !== null"))
    panel.locator("h2").first.evaluate("each => each.focus()")
    tab_to(page, "number of workers")
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("2")
    page.keyboard.press("Enter")
    expect(card).to_contain_text("workers: 2 of 2 ready")
    assert focused(page) == "number of workers"
    # The slider says the same, and moves by the arrows.
    page.keyboard.press("Shift+Tab")
    assert focused(page) == "workers wanted"
    page.keyboard.press("ArrowRight")
    tab_to(page, "Scale")
    page.keyboard.press("Enter")
    expect(card).to_contain_text("workers: 3 of 3 ready")
    # The button cannot be pressed again now: the keyboard goes on beside it.
    until(lambda: page.evaluate("1") and focused(page) not in ("", "Scale"))

    tab_to(page, "More")
    page.keyboard.press("ArrowDown")
    expect(card.get_by_role("menuitem", name="Insert code")).to_be_focused()
    assert faults(page, "#zoe-panel") == []
    page.keyboard.press("Escape")
    expect(card.get_by_role("menuitem")).to_have_count(0)
    expect(card.get_by_role("button", name="More")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("f")
    page.keyboard.press("Enter")
    expect(card.get_by_label("fewest workers")).to_be_focused()
    tab_to(page, "Cancel")
    page.keyboard.press("Enter")

    tab_to(page, "Terminate")
    page.keyboard.press("Enter")
    expect(card.get_by_role("button", name="Undo")).to_be_focused()
    page.keyboard.press("Enter")
    until(lambda: page.evaluate("1") and focused(page) != "")
    tab_to(page, "Terminate")
    page.keyboard.press("Enter")
    tab_to(page, "Now")
    page.keyboard.press("Enter")
    expect(card.locator(".zoe-state")).to_have_text("terminated")
    assert state(lab.http, "by-keys") == "terminated"
    expect(panel.get_by_role("status").filter(has_text="by-keys is now: terminated")).to_be_attached()
    tab_to(page, "Dismiss")
    page.keyboard.press("Enter")
    expect(card).to_have_count(0)
    until(lambda: page.evaluate("1") and focused(page) != "")


def test_what_a_card_offers_is_seen_where_the_panel_is_narrow(page: Page, lab: Server) -> None:
    start(lab.http, "narrow")
    page.set_viewport_size({"width": 1000, "height": 480})
    open_lab(page, lab)
    panel = show_panel(page)
    card = panel.get_by_role("article", name="narrow")
    expect(card.locator(".zoe-state")).to_have_text("running")
    shown = card.get_by_role("group").get_by_role("button")
    tops = {shown.nth(number).bounding_box()["y"] for number in range(shown.count())}  # type: ignore[index]
    assert len(tops) <= 2, "the buttons fill more than two rows"
    more = card.get_by_role("button", name="More")
    panel.evaluate("each => { each.style.paddingTop = '150px'; each.scrollTop = 1000; }")
    more.click()
    for item in card.get_by_role("menuitem").all():
        # Not cut off by the panel, the card, or the window.
        box = item.bounding_box()
        assert box is not None
        where = [box["x"] + box["width"] - 2, box["y"] + box["height"] / 2]
        assert item.evaluate("(each, [x, y]) => document.elementFromPoint(x, y) === each", where)
    panel.get_by_role("heading").first.click()
    expect(card.get_by_role("menuitem")).to_have_count(0)
    lab.http.delete("zoe/api/v1/executions/narrow")


def test_the_panel_speaks_the_language_of_jupyterlab(page: Page, lab: Server) -> None:
    pytest.importorskip("jupyterlab_language_pack_de_DE")
    start(lab.http, "deutsch")
    lab.http.put(LANGUAGE, json={"raw": '{"locale": "de_DE"}'}).raise_for_status()
    try:
        open_lab(page, lab)
        page.get_by_role("tab", name="Cluster").click()
        panel = page.locator("#zoe-panel")
        card = panel.get_by_role("article", name="deutsch")
        expect(card.locator(".zoe-state")).to_have_text("läuft")
        expect(card.get_by_role("button", name="Beenden")).to_be_visible()
        expect(panel.get_by_role("heading", name="Meine Ausführungen")).to_be_visible()
        panel.locator(".zoe-goods", has_text="Bell").click()
        form = panel.get_by_role("region", name="Bell verbinden")
        expect(form.get_by_role("status").filter(has_text="Startet sofort.")).to_be_visible()
        form.get_by_label("Workers").fill("99")
        expect(form.get_by_text("ist außerhalb der Grenzen: von 0 bis 20")).to_be_visible()
    finally:
        lab.http.put(LANGUAGE, json={"raw": "{}"}).raise_for_status()
        lab.http.delete("zoe/api/v1/executions/deutsch")


def many(page: Page, lab: Server) -> None:
    """Let the service list hundreds of what one cluster is."""
    start(lab.http, "one-of-many")
    answer = lab.http.get("zoe/api/v1/executions/one-of-many").json()
    listed = [
        {**answer, "id": f"{answer['id']}{number:03}", "name": f"cluster-{number:03}"} for number in range(1, MANY)
    ]
    listed.insert(0, {**answer, "id": f"{answer['id']}000", "name": LONG})

    def answer_list(route: Route) -> None:
        route.fulfill(json={"executions": listed, "total": MANY})

    page.route("**/zoe/api/v1/executions?**", answer_list)


def test_hundreds_are_found_by_typing_and_long_names_do_not_widen_the_panel(page: Page, lab: Server) -> None:
    many(page, lab)
    open_lab(page, lab)
    panel = show_panel(page)
    search = panel.get_by_role("searchbox", name="Search my executions")
    search.fill("cluster-377")
    expect(panel.get_by_role("article")).to_have_count(1)
    expect(panel.get_by_role("article", name="cluster-377")).to_be_visible()
    search.fill("a-name-that-nobody")
    card = panel.get_by_role("article")
    expect(card.get_by_role("heading")).to_have_text(LONG)
    assert panel.evaluate("each => each.scrollWidth <= each.clientWidth")
    assert faults(page, "#zoe-panel") == []
    search.fill("no such cluster")
    expect(panel.get_by_role("status").filter(has_text="Nothing of yours matches")).to_be_visible()
    lab.http.delete("zoe/api/v1/executions/one-of-many")


def test_a_slow_line_says_what_it_reads(page: Page, lab: Server) -> None:
    held: list[Route] = []
    page.route("**/zoe/api/v1/executions?**", lambda route: held.append(route))
    open_lab(page, lab)
    panel = show_panel(page)
    expect(panel.get_by_role("status").filter(has_text="Reading what runs…")).to_be_visible()
    until(lambda: page.evaluate("1") and held)
    for each in held:
        each.continue_()
    page.unroute("**/zoe/api/v1/executions?**")
    expect(panel).to_contain_text("Nothing runs.")


def test_what_has_the_keyboard_is_not_behind_the_foot_of_a_long_form(page: Page, lab: Server) -> None:
    page.set_viewport_size({"width": 1280, "height": 560})
    open_lab(page, lab)
    panel = show_panel(page)
    panel.get_by_role("button", name="Spark cluster").click()
    form = panel.get_by_role("region", name="Attach Spark cluster")
    expect(form.get_by_role("status").filter(has_text="Needs")).to_be_visible()
    for name in ("Cores per worker", "Memory per worker", "Memory of the driver", "Name"):
        tab_to(page, name)
        seen = """() => {
          const box = document.activeElement.getBoundingClientRect();
          return document.elementFromPoint(box.x + box.width / 2, box.bottom - 3) === document.activeElement;
        }"""
        until(lambda seen=seen: page.evaluate(seen))


def test_with_forced_colours_nothing_hinders_anybody_and_pictures_are_seen(page: Page, lab: Server) -> None:
    page.emulate_media(forced_colors="active", color_scheme="dark")
    open_lab(page, lab)
    panel = show_panel(page)
    picture = panel.locator(".zoe-goods .zoe-picture").first
    expect(picture).to_have_css("color", "rgb(255, 255, 255)")
    assert faults(page, "#zoe-panel") == []
