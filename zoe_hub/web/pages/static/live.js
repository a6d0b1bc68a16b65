// @ts-check
// Keeps a page up to date by the service's events. Without it, the page is the same after a reload.

import { enhance } from "./enhance.js";
import { followLog } from "./logs.js";
import { Parts } from "./refresh.js";
import { EventStream } from "./stream.js";

const RETRY = 3000; // milliseconds after a look that failed
const ANSWER = 30_000; // milliseconds after which a look without an answer is given up
const SHARE = 5; // of the time, at most one part in so many is spent on looking at the page again

const main = document.getElementById("main");
const said = document.getElementById("zoe-said");
const connection = document.getElementById("zoe-connection");

/**
 * @param {HTMLElement} page
 * @param {"live" | "waiting" | "login" | "over"} now
 * @returns {boolean} whether it was otherwise before
 */
const tellConnection = (page, now) => {
  if (!connection) return false;
  const words = { live: page.dataset.live, waiting: page.dataset.waiting, login: page.dataset.login, over: page.dataset.over };
  connection.hidden = false;
  connection.dataset.state = now;
  if (connection.textContent === words[now]) return false;
  const otherwise = connection.textContent !== "";
  connection.textContent = words[now] ?? "";
  if (said && (now !== "live" || otherwise)) said.textContent = words[now] ?? "";
  return otherwise;
};

/**
 * @param {HTMLElement} page
 * @param {string} url
 */
const follow = (page, url) => {
  const parts = new Parts(enhance);
  const xsrf = page.dataset.xsrf ?? "";
  /** @type {Map<string, string>} */
  const news = new Map();
  /** @type {Record<string, string>} */
  const states = JSON.parse(page.dataset.states ?? "{}");
  const pause = Number(page.dataset.pause); // milliseconds between two looks, however much happens
  let looking = false;
  let again = false;
  let failed = false;
  let giveUp = new AbortController();

  const show = async () => {
    giveUp = new AbortController();
    const limit = setTimeout(() => giveUp.abort(), ANSWER);
    try {
      await showWhatIs();
    } finally {
      clearTimeout(limit);
    }
  };

  const showWhatIs = async () => {
    const answer = await fetch(location.href, {
      headers: { Accept: "text/html", "X-XSRFToken": xsrf },
      redirect: "error",
      signal: giveUp.signal,
    });
    if (!answer.ok) throw new Error(`answered ${answer.status}`);
    const [changed] = news.keys();
    const name = nameOf(changed ?? "");
    parts.put(new DOMParser().parseFromString(await answer.text(), "text/html"));
    tell(name);
  };

  /** @param {string} execution */
  const nameOf = (execution) => {
    const key = CSS.escape(execution);
    return document.querySelector(`[data-key="${key}"] a, [data-name="${key}"]`)?.textContent?.trim() ?? "";
  };

  /** @param {string} before its name, as it was shown before its row may have gone */
  const tell = (before) => {
    if (!said || !news.size) return;
    const [[execution, state]] = news;
    const name = nameOf(execution) || before;
    said.textContent = news.size === 1 && name
      ? (page.dataset.now ?? "").replace("{name}", name).replace("{state}", states[state] ?? state)
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
      const began = performance.now();
      try {
        await show();
        if (failed) tellConnection(page, "live");
        failed = false;
      } catch {
        failed = true;
        again = true;
        tellConnection(page, "waiting");
      }
      const least = failed ? RETRY : pause;
      await new Promise((resolve) => setTimeout(resolve, Math.max(least, SHARE * (performance.now() - began))));
    } while (again);
    looking = false;
  };

  /** @param {import("./stream.js").Connection} now */
  const state = (now) => {
    // What was asked over the same line may never be answered.
    if (now === "waiting") giveUp.abort();
    // What was missed while it was away, the stream tells; a page that was not refreshed then is refreshed now.
    if (tellConnection(page, now) && now === "live") void look();
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
  document.addEventListener("visibilitychange", () => {
    visible();
    // Nothing was told while nobody looked.
    if (!document.hidden) void look();
  });
  window.addEventListener("pagehide", () => stream.stop());
  window.addEventListener("pageshow", visible);
  visible();
};

const log = document.getElementById("zoe-log");
if (main?.dataset.events) follow(main, main.dataset.events);
else enhance(document);
if (main && log?.dataset.follow) {
  followLog(log, log.dataset.follow, log.dataset.events ?? "", main.dataset.xsrf ?? "", (now) => tellConnection(main, now));
}
