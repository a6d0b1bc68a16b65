// @ts-check
// Server-sent events by fetch, because a cookie counts only together with the XSRF token, which EventSource cannot send.

/**
 * @typedef {{seq: number, kind: string, execution: string, owner: string, data: Record<string, unknown>}} ZoeEvent
 * @typedef {"live" | "waiting" | "login"} Connection
 */

const LONGEST_PAUSE = 15_000;
const SILENCE = 40_000; // milliseconds; the service shows a sign of life every 15 seconds

export class EventStream {
  /**
   * @param {string} url
   * @param {string} xsrf
   * @param {number} after number of the last event that is known
   * @param {{event: (event: ZoeEvent) => void, state: (state: Connection) => void, gap: () => void}} told
   */
  constructor(url, xsrf, after, told) {
    this.url = url;
    this.xsrf = xsrf;
    this.after = after;
    this.told = told;
    this.pause = 1000;
    /** @type {AbortController | null} */
    this.open = null;
    this.wanted = false;
  }

  /** Follow until `stop`; a second call does nothing. */
  start() {
    if (this.wanted) return;
    this.wanted = true;
    void this.#follow();
  }

  stop() {
    this.wanted = false;
    this.open?.abort();
  }

  async #follow() {
    while (this.wanted) {
      const controller = new AbortController();
      this.open = controller;
      try {
        const answer = await fetch(this.url, {
          headers: { Accept: "text/event-stream", "X-XSRFToken": this.xsrf, "Last-Event-ID": String(this.after) },
          signal: controller.signal,
          redirect: "error",
        });
        if (answer.status === 401 || answer.status === 403) {
          this.told.state("login");
          this.wanted = false;
          return;
        }
        if (!answer.ok || !answer.body) throw new Error(`answered ${answer.status}`);
        this.told.state("live");
        this.pause = 1000;
        await this.#read(answer.body, controller);
        continue; // ended in order, as after an hour: resume at once
      } catch {
        if (!this.wanted) return;
      }
      this.told.state("waiting");
      await new Promise((resolve) => setTimeout(resolve, this.pause));
      this.pause = Math.min(2 * this.pause, LONGEST_PAUSE);
    }
  }

  /**
   * @param {ReadableStream<Uint8Array<ArrayBuffer>>} body
   * @param {AbortController} controller
   */
  async #read(body, controller) {
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    for (;;) {
      const timer = setTimeout(() => controller.abort(), SILENCE);
      const { done, value } = await reader.read().finally(() => clearTimeout(timer));
      if (done) return;
      text += value;
      const parts = text.split("\n\n");
      text = parts.pop() ?? "";
      for (const part of parts) this.#take(part);
    }
  }

  /** @param {string} part */
  #take(part) {
    let kind = "";
    let data = "";
    for (const line of part.split("\n")) {
      if (line.startsWith("event: ")) kind = line.slice(7);
      else if (line.startsWith("data: ")) data += line.slice(6);
    }
    // What has no number is not stored: the shop, or a quota, is another one.
    if (kind === "gap" || kind.endsWith(".changed")) this.told.gap();
    else if (data) {
      const event = /** @type {ZoeEvent} */ (JSON.parse(data));
      this.after = event.seq;
      this.told.event(event);
    }
  }
}
