/** The stream of events: opened, resumed where it broke, and saying how it is. */

import { Refusal } from './errors.js';
import { texts, type ZoeClient } from './client.js';
import { messages } from './sse.js';
import type { ZoeEvent } from './views.js';

/** How the connection is. While `waiting`, the next attempt is at `retryAt` (milliseconds, as `Date.now`). */
export type ConnectionState =
  | { readonly kind: 'closed' }
  | { readonly kind: 'connecting' }
  | { readonly kind: 'live' }
  | { readonly kind: 'waiting'; readonly reason: string; readonly retryAt: number };

/** What is told without being stored. */
export type Changed = 'shop.changed' | 'quotas.changed';

export interface Listener {
  /** The stream stands. `resumed`: nothing was missed since the last event. */
  onLive(resumed: boolean): void;
  onEvent(event: ZoeEvent): void;
  /** Events are missing: what there is has to be read afresh. */
  onGap(): void;
  /** The shop's files, or somebody's quota, are other ones than before. */
  onChanged(what: Changed): void;
  onState(state: ConnectionState): void;
}

/** Milliseconds. */
export interface Timing {
  readonly firstRetry: number;
  readonly longestRetry: number;
  /** Without even a keepalive for so long, the stream is opened anew: some proxies do not tell that it was cut. */
  readonly silence: number;
}

const TIMING: Timing = { firstRetry: 500, longestRetry: 15_000, silence: 35_000 };

/** `open` and `close` may be called again; only one connection exists at a time. */
export class EventStream {
  private last: number | null = null;
  private running: AbortController | null = null;
  private wake: (() => void) | null = null;
  private broken: ((why: Error) => void) | null = null;

  constructor(
    private readonly client: ZoeClient,
    private readonly listener: Listener,
    private readonly timing: Timing = TIMING,
  ) {}

  open(): void {
    if (this.running === null) {
      this.running = new AbortController();
      void this.run(this.running.signal);
    }
  }

  close(): void {
    this.running?.abort();
    this.running = null;
    this.wake?.();
    this.listener.onState({ kind: 'closed' });
  }

  /** While waiting: try again now. */
  retry(): void {
    this.wake?.();
  }

  /** Give the connection up as if it had broken; the next one comes after a pause that grows. */
  fail(why: Error): void {
    this.broken?.(why);
  }

  private async run(closed: AbortSignal): Promise<void> {
    let failures = 0;
    while (!closed.aborted) {
      this.listener.onState({ kind: 'connecting' });
      const begun = Date.now();
      let pause: number;
      let reason: string;
      try {
        await this.follow(closed);
        // The service ends streams after an hour. One that ends at once would be asked for all the time.
        reason = 'The connection was closed.';
        failures = this.lasted(begun) ? 0 : failures;
        pause = this.lasted(begun) ? 0 : this.delay(failures++);
      } catch (error) {
        reason = error instanceof Error ? error.message : String(error);
        failures = this.lasted(begun) ? 0 : failures;
        pause = this.delay(failures++);
        if (error instanceof Refusal) {
          pause = error.passing ? Math.max(pause, (error.retryAfter ?? 0) * 1000) : this.timing.longestRetry;
        }
      }
      if (!closed.aborted && pause > 0) {
        this.listener.onState({ kind: 'waiting', reason, retryAt: Date.now() + pause });
        await this.sleep(pause);
      }
    }
  }

  private lasted(begun: number): boolean {
    return Date.now() - begun > this.timing.longestRetry;
  }

  private async follow(closed: AbortSignal): Promise<void> {
    const connection = new AbortController();
    const stop = (): void => connection.abort();
    closed.addEventListener('abort', stop);
    let given: Error | null = null;
    this.broken = (why) => {
      given ??= why;
      stop();
    };
    const watch = (): ReturnType<typeof setTimeout> =>
      setTimeout(() => this.fail(new Error('The service has been silent for too long.')), this.timing.silence);
    let timer = watch();
    const heard = (): void => {
      clearTimeout(timer);
      timer = watch();
    };
    try {
      const response = await this.client.events(this.last, connection.signal);
      heard();
      this.listener.onState({ kind: 'live' });
      this.listener.onLive(this.last !== null);
      for await (const message of messages(tapped(texts(response), heard))) {
        if (closed.aborted) {
          return;
        }
        this.take(message.event, message.data);
      }
    } catch (error) {
      if (closed.aborted) {
        return;
      }
      throw given ?? error;
    } finally {
      this.broken = null;
      clearTimeout(timer);
      closed.removeEventListener('abort', stop);
    }
  }

  private take(kind: string, data: string): void {
    if (kind === 'gap') {
      this.listener.onGap();
      return;
    }
    if (kind === 'shop.changed' || kind === 'quotas.changed') {
      this.listener.onChanged(kind);
      return;
    }
    const event = JSON.parse(data) as ZoeEvent;
    if (this.last === null || event.seq > this.last) {
      this.last = event.seq;
      this.listener.onEvent(event);
    }
  }

  private delay(failures: number): number {
    const longest = Math.min(this.timing.firstRetry * 2 ** failures, this.timing.longestRetry);
    // Not all browsers at one moment.
    return longest * (0.75 + Math.random() / 4);
  }

  private sleep(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.wake?.(), milliseconds);
      this.wake = () => {
        clearTimeout(timer);
        this.wake = null;
        resolve();
      };
    });
  }
}

async function* tapped(chunks: AsyncIterable<string>, tap: () => void): AsyncGenerator<string, void, undefined> {
  for await (const chunk of chunks) {
    tap();
    yield chunk;
  }
}
