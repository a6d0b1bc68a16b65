// @ts-check
// Shows what instances write while they write it. The text that came with the page is its beginning.

const KEPT = 500_000; // characters; a browser that shows more of them at once gets slow
const LONGEST_PAUSE = 15_000;

/**
 * @param {HTMLElement} log
 * @param {string} url
 * @param {string} xsrf
 * @param {(state: "live" | "waiting" | "login" | "over") => void} tell
 */
export const followLog = (log, url, xsrf, tell) => {
  /** @type {AbortController | null} */
  let open = null;
  let wanted = false;

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
    let pause = 1000;
    while (wanted) {
      open = new AbortController();
      try {
        const answer = await fetch(url, {
          headers: { Accept: "text/plain", "X-XSRFToken": xsrf },
          signal: open.signal,
          redirect: "error",
        });
        if (answer.status === 401 || answer.status === 403) return tell("login");
        if (!answer.ok || !answer.body) throw new Error(`answered ${answer.status}`);
        tell("live");
        pause = 1000;
        await read(answer.body);
        return tell("over");
      } catch {
        if (!wanted) return;
      }
      tell("waiting");
      await new Promise((resolve) => setTimeout(resolve, pause));
      pause = Math.min(2 * pause, LONGEST_PAUSE);
    }
  };

  const visible = () => {
    if (document.hidden) {
      wanted = false;
      open?.abort();
    } else if (!wanted) {
      wanted = true;
      void follow();
    }
  };
  document.addEventListener("visibilitychange", visible);
  log.scrollTop = log.scrollHeight;
  visible();
};
