// @ts-check
// Server-sent events by fetch, because a cookie counts only together with the XSRF token, which EventSource cannot send.

/**
 * @typedef {{seq: number, kind: string, execution: string, owner: string, data: Record<string, unknown>}} ZoeEvent
 * @typedef {"live" | "waiting" | "login"} Connection
 */

// Milliseconds.
const SHORTEST_PAUSE = 1000;
const LONGEST_PAUSE = 15_000;
const ANSWER = 20_000; // an attempt that is not answered for so long is given up
const GRACE = 3000; // and told of after so long
const SILENCE = 40_000; // of a service that does not say how often it shows a sign of life
const MISSING = 2.4; // signs of life that may be missing, and a bit

export class EventStream {
  /** @type {{} | null} the following that goes on, of which a later one takes the place */
  #run = null;
  #pause = SHORTEST_PAUSE;
  #silence = SILENCE;
  /** @type {AbortController | null} */
  #open = null;
  /** @type {() => void} */
  #wake = () => undefined;
  #atOnce = false;
  #wasLive = false;
  #network = () => this.#again();

  /**
   * @param {string} url
   * @param {string} xsrf
   * @param {number | null} after number of the last event that is known; null: only what comes from now on
   * @param {{event: (event: ZoeEvent) => void, state: (state: Connection) => void, gap: () => void}} told
   */
  constructor(url, xsrf, after, told) {
    this.url = url;
    this.xsrf = xsrf;
    this.after = after;
    this.told = told;
  }

  /** Follow until `stop`; a second call does nothing. */
  start() {
    if (this.#run) return;
    this.#run = {};
    this.#pause = SHORTEST_PAUSE;
    window.addEventListener("online", this.#network);
    window.addEventListener("offline", this.#network);
    void this.#follow(this.#run);
  }

  stop() {
    this.#run = null;
    window.removeEventListener("online", this.#network);
    window.removeEventListener("offline", this.#network);
    this.#open?.abort();
    this.#wake();
  }

  /** Another network, or none: whether the connection still stands is found out by another one. */
  #again() {
    this.#pause = SHORTEST_PAUSE;
    this.#atOnce = true;
    this.#open?.abort();
    this.#wake();
  }

  /** @param {{}} run */
  async #follow(run) {
    while (this.#run === run) {
      this.#atOnce = false;
      const begun = Date.now();
      try {
        if (!(await this.#attempt(run))) return;
        this.#pause = SHORTEST_PAUSE;
        // Ended in order, as after an hour. What ends at once would be asked for all the time.
        if (Date.now() - begun > LONGEST_PAUSE) continue;
      } catch {
        // Cut, or given up.
      }
      if (this.#run !== run) return;
      if (this.#atOnce) continue;
      this.told.state("waiting");
      await this.#sleep(this.#pause * (0.75 + Math.random() / 4)); // not all browsers at one moment
      this.#pause = Math.min(2 * this.#pause, LONGEST_PAUSE);
    }
  }

  /**
   * @param {{}} run
   * @returns {Promise<boolean>} whether to go on once it has ended
   */
  async #attempt(run) {
    const controller = new AbortController();
    this.#open = controller;
    const limit = setTimeout(() => controller.abort(), ANSWER);
    const grace = setTimeout(() => this.#wasLive && this.told.state("waiting"), GRACE);
    try {
      const answer = await fetch(this.url, {
        headers: {
          Accept: "text/event-stream",
          "X-XSRFToken": this.xsrf,
          ...(this.after !== null && { "Last-Event-ID": String(this.after) }),
        },
        signal: controller.signal,
        redirect: "error",
      });
      clearTimeout(limit);
      clearTimeout(grace);
      if (answer.status === 401 || answer.status === 403) {
        this.stop();
        this.told.state("login");
        return false;
      }
      if (!answer.ok || !answer.body) throw new Error(`answered ${answer.status}`);
      if (this.#run !== run) return false;
      this.#wasLive = true;
      this.told.state("live");
      this.#pause = SHORTEST_PAUSE;
      await this.#read(answer.body, controller);
      return true;
    } finally {
      clearTimeout(limit);
      clearTimeout(grace);
    }
  }

  /**
   * @param {ReadableStream<Uint8Array<ArrayBuffer>>} body
   * @param {AbortController} controller
   */
  async #read(body, controller) {
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    let heard = Date.now();
    this.#silence = SILENCE;
    // By the wall's clock, which goes on while the machine sleeps.
    const look = setInterval(() => {
      if (Math.abs(Date.now() - heard) >= this.#silence) controller.abort();
    }, 1000);
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        heard = Date.now();
        text += value;
        const parts = text.split("\n\n");
        text = parts.pop() ?? "";
        for (const part of parts) this.#take(part);
      }
    } finally {
      clearInterval(look);
    }
  }

  /** @param {string} part */
  #take(part) {
    let kind = "";
    let data = "";
    for (const line of part.split("\n")) {
      if (line.startsWith("event: ")) kind = line.slice(7);
      else if (line.startsWith("data: ")) data += line.slice(6);
      else if (line.startsWith("keepalive: ")) this.#silence = MISSING * Number(line.slice(11)) || SILENCE;
    }
    // What has no number is not stored: the shop, or a quota, is another one.
    if (kind === "gap" || kind.endsWith(".changed")) {
      // Of another database than before, the numbers are lower.
      if (kind === "gap") this.after = JSON.parse(data).after;
      this.told.gap();
    }
    else if (data) {
      const event = /** @type {ZoeEvent} */ (JSON.parse(data));
      if (this.after !== null && event.seq <= this.after) return;
      this.after = event.seq;
      this.told.event(event);
    }
  }

  /** @param {number} milliseconds */
  #sleep(milliseconds) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.#wake = () => {
        clearTimeout(timer);
        resolve(undefined);
      };
    });
  }
}
