// @ts-check
// Puts a newer rendering of the same page into the one that is shown: only what differs, so that focus, open details
// and ticked boxes stay.

/** @param {Element} element what the server wrote of it, before anything was enhanced */
const source = (element) => element.outerHTML.replace(/name="_xsrf" value="[^"]*"/g, "");

export class Parts {
  /** @param {(root: ParentNode) => void} enhance called with whatever is new on the page */
  constructor(enhance) {
    this.enhance = enhance;
    /** @type {Map<string, string>} */
    this.known = new Map();
    for (const [key, element] of this.#all(document)) this.known.set(key, source(element));
    enhance(document);
  }

  /** @param {Document} page */
  put(page) {
    for (const fresh of page.querySelectorAll("[data-live-part]")) {
      const shown = document.getElementById(fresh.id);
      if (shown) this.#exchange(`#${fresh.id}`, shown, fresh);
    }
    for (const fresh of page.querySelectorAll("[data-live-rows]")) {
      const shown = document.getElementById(fresh.id);
      if (shown) this.#rows(shown, fresh);
    }
  }

  /**
   * @param {Element} shown
   * @param {Element} fresh
   */
  #rows(shown, fresh) {
    const old = new Map([...shown.children].map((row) => [row.getAttribute("data-key"), row]));
    const at = [...shown.children].findIndex((row) => row.contains(document.activeElement));
    const focused = at < 0 ? null : place(shown.children[at], document.activeElement);
    let next = shown.firstElementChild;
    for (const row of [...fresh.children]) {
      const name = row.getAttribute("data-key");
      const there = old.get(name);
      old.delete(name);
      if (there) {
        const kept = this.#exchange(`${shown.id}/${name}`, there, row);
        if (next === there || next === kept) next = kept.nextElementSibling;
        else shown.insertBefore(kept, next);
      } else {
        this.known.set(`${shown.id}/${name}`, source(row));
        shown.insertBefore(row, next);
        this.enhance(row);
      }
    }
    for (const [name, row] of old) {
      this.known.delete(`${shown.id}/${name}`);
      row.remove();
    }
    if (focused && !shown.contains(document.activeElement)) {
      refocus(shown.children[Math.min(at, shown.children.length - 1)], focused);
    }
  }

  /**
   * @param {string} key
   * @param {Element} shown
   * @param {Element} fresh
   * @returns {Element} what is on the page now
   */
  #exchange(key, shown, fresh) {
    const html = source(fresh);
    if (this.known.get(key) === html || changedByHand(shown)) return shown;
    this.known.set(key, html);
    const focused = shown.contains(document.activeElement) ? place(shown, document.activeElement) : null;
    for (const [index, box] of [...shown.querySelectorAll("input[type=checkbox]")].entries()) {
      const other = fresh.querySelectorAll("input[type=checkbox]")[index];
      if (box instanceof HTMLInputElement && other instanceof HTMLInputElement && other.value === box.value) {
        other.checked = box.checked;
      }
    }
    for (const [index, details] of [...shown.querySelectorAll("details")].entries()) {
      const other = fresh.querySelectorAll("details")[index];
      if (other) other.open = details.open;
    }
    shown.replaceWith(fresh);
    this.enhance(fresh);
    if (focused) refocus(fresh, focused);
    return fresh;
  }

  /** @param {ParentNode} root @returns {Iterable<[string, Element]>} */
  *#all(root) {
    for (const part of root.querySelectorAll("[data-live-part]")) yield [`#${part.id}`, part];
    for (const rows of root.querySelectorAll("[data-live-rows]")) {
      for (const row of rows.children) yield [`${rows.id}/${row.getAttribute("data-key")}`, row];
    }
  }
}

/** @param {Element} part whether somebody is typing in it, so that it must not be taken away */
const changedByHand = (part) =>
  [...part.querySelectorAll("input:not([type=checkbox], [type=hidden]), textarea")].some(
    (field) =>
      (field instanceof HTMLInputElement || field instanceof HTMLTextAreaElement) && field.value !== field.defaultValue,
  );

const FOCUSABLE = "a[href], button, input, select, summary, textarea";

/**
 * @param {Element} part
 * @param {Element | null} element
 */
const place = (part, element) => {
  const all = [...part.querySelectorAll(FOCUSABLE)];
  return { index: element ? all.indexOf(element) : -1, name: element?.getAttribute("aria-label") ?? element?.textContent };
};

/**
 * @param {Element | undefined} part where the keyboard goes on; nothing is left of it: where the page's content begins
 * @param {{index: number, name: string | null | undefined}} was
 */
const refocus = (part, was) => {
  const all = [...(part?.querySelectorAll(FOCUSABLE) ?? [])];
  const same = all.find((each) => (each.getAttribute("aria-label") ?? each.textContent) === was.name);
  const found = same ?? all[Math.min(was.index, all.length - 1)];
  const next = found instanceof HTMLElement ? found : document.getElementById("main");
  next?.focus({ preventScroll: true });
};
