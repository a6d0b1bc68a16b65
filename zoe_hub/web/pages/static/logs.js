// @ts-check
// Shows what instances write while they write it. The text that came with the page is its beginning.

import { EventStream } from "./stream.js";

const KEPT = 500_000; // characters; a browser that shows more of them at once gets slow
const PAUSE = 2000; // milliseconds after a try that failed though the service is there

/**
 * @param {HTMLElement} log
 * @param {string} url
 * @param {string} events where the service tells of the same execution, and shows signs of life, as no log does
 * @param {string} xsrf
 * @param {(state: "live" | "waiting" | "login" | "over") => void} tell
 */
export const followLog = (log, url, events, xsrf, tell) => {
  /** @type {AbortController | null} */
  let open = null;

  /** @param {string} text */
  const write = (text) => {
    const below = log.scrollHeight - log.clientHeight - log.scrollTop < 40;
    const whole = (log.textContent ?? "") + text;
    log.textContent = whole.length > KEPT ? whole.slice(whole.indexOf("\n", whole.length - KEPT) + 1) : whole;
    log.hidden = false;
    const nothing = document.getElementById("zoe-nothing");
    if (nothing) nothing.hidden = true;
    // Who has scrolled up is reading there.
    if (below) log.scrollTop = log.scrollHeight;
  };

  /** @param {ReadableStream<Uint8Array<ArrayBuffer>>} body */
  const read = async (body) => {
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    // It begins with the last lines again.
    let first = true;
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      if (first) log.textContent = "";
      first = false;
      write(value);
    }
  };

  const follow = async () => {
    const reading = new AbortController();
    open = reading;
    while (!reading.signal.aborted) {
      try {
        const answer = await fetch(url, {
          headers: { Accept: "text/plain", "X-XSRFToken": xsrf },
          signal: reading.signal,
          redirect: "error",
        });
        if (answer.status === 401 || answer.status === 403) return end("login");
        if (!answer.ok || !answer.body) throw new Error(`answered ${answer.status}`);
        tell("live");
        await read(answer.body);
        return end("over");
      } catch {
        if (reading.signal.aborted) return;
      }
      tell("waiting");
      await new Promise((resolve) => setTimeout(resolve, PAUSE * (0.75 + Math.random() / 4)));
    }
  };

  const guard = new EventStream(events, xsrf, null, {
    event: () => undefined,
    gap: () => undefined,
    state: (now) => {
      open?.abort();
      if (now === "live") void follow();
      else tell(now);
    },
  });

  /** @param {"login" | "over"} how */
  const end = (how) => {
    document.removeEventListener("visibilitychange", visible);
    guard.stop();
    tell(how);
  };

  const visible = () => {
    if (document.hidden) {
      guard.stop();
      open?.abort();
    } else {
      guard.start();
    }
  };
  document.addEventListener("visibilitychange", visible);
  log.scrollTop = log.scrollHeight;
  visible();
};
