// @ts-check
// Keeps a page up to date by the service's events. Without it, the page is the same after a reload.

import { enhance } from "./enhance.js";
import { Parts } from "./refresh.js";
import { EventStream } from "./stream.js";

const PAUSE = 500; // milliseconds between two looks at the page, however much happens

const main = document.getElementById("main");
const said = document.getElementById("zoe-said");
const connection = document.getElementById("zoe-connection");

/**
 * @param {HTMLElement} page
 * @param {string} url
 */
const follow = (page, url) => {
  const parts = new Parts(enhance);
  const xsrf = page.dataset.xsrf ?? "";
  /** @type {Map<string, string>} */
  const news = new Map();
  let looking = false;
  let again = false;

  const show = async () => {
    const answer = await fetch(location.href, {
      headers: { Accept: "text/html", "X-XSRFToken": xsrf },
      redirect: "error",
    });
    if (!answer.ok) throw new Error(`answered ${answer.status}`);
    parts.put(new DOMParser().parseFromString(await answer.text(), "text/html"));
    tell();
  };

  const tell = () => {
    if (!said || !news.size) return;
    const [[execution, state]] = news;
    const link = document.querySelector(`[data-key="${CSS.escape(execution)}"] a, [data-name="${CSS.escape(execution)}"]`);
    const one = news.size === 1 && link;
    said.textContent = one
      ? (page.dataset.now ?? "").replace("{name}", link.textContent ?? "").replace("{state}", state)
      : (page.dataset.some ?? "").replace("{count}", String(news.size));
    news.clear();
  };

  const look = async () => {
    if (looking) {
      again = true;
      return;
    }
    looking = true;
    do {
      again = false;
      try {
        await show();
      } catch {
        state("waiting");
      }
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
    } while (again);
    looking = false;
  };

  /** @param {import("./stream.js").Connection} now */
  const state = (now) => {
    if (!connection) return;
    const words = { live: page.dataset.live, waiting: page.dataset.waiting, login: page.dataset.login };
    connection.hidden = false;
    connection.dataset.state = now;
    if (connection.textContent === words[now]) return;
    const lost = connection.textContent !== "";
    connection.textContent = words[now] ?? "";
    if (said && (now !== "live" || lost)) said.textContent = words[now] ?? "";
    // What was missed while it was away, the stream tells; a page that was not refreshed then is refreshed now.
    if (now === "live" && lost) void look();
  };

  const stream = new EventStream(url, xsrf, Number(page.dataset.seen ?? "0"), {
    event: (event) => {
      if (event.kind === "execution.state_changed") news.set(event.execution, String(event.data.after ?? ""));
      void look();
    },
    state,
    gap: () => void look(),
  });
  // A page that nobody sees needs no connection, of which browsers have few.
  const visible = () => (document.hidden ? stream.stop() : stream.start());
  document.addEventListener("visibilitychange", visible);
  window.addEventListener("pagehide", () => stream.stop());
  window.addEventListener("pageshow", visible);
  visible();
};

if (main?.dataset.events) follow(main, main.dataset.events);
else enhance(document);
