/** The stream of events: opened, watched, resumed where it broke, and saying how it is. */

import { Refusal } from './errors.js';
import { texts, type ZoeClient } from './client.js';
import { lossOf, type Loss } from './loss.js';
import { messages } from './sse.js';
import type { ZoeEvent } from './views.js';
import { listenToBrowser, SilenceWatch } from './watch.js';

/**
 * How the connection is. While `connecting`, `lost` is null until something is known to be wrong. While `waiting`, the
 * next attempt is at `retryAt` (milliseconds, as `Date.now`).
 */
export type ConnectionState =
  | { readonly kind: 'closed' }
  | { readonly kind: 'connecting'; readonly lost: Loss | null }
  | { readonly kind: 'live' }
  | { readonly kind: 'waiting'; readonly lost: Loss; readonly retryAt: number };

/** Why there is no connection; null where there is one, or nothing is known to be wrong. */
export function lossIn(connection: ConnectionState): Loss | null {
  return 'lost' in connection ? connection.lost : null;
}

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
  /** An attempt that is not answered for so long is given up. A service may have to be started first. */
  readonly answer: number;
  /** The same for the first attempt after a loss, which may have been made over another dead line; later ones get more. */
  readonly firstAnswer: number;
  /** So long after a connection that was there, an attempt that is not answered is told of. */
  readonly grace: number;
  /**
   * Without even a sign of life for so long, the stream is opened anew: nobody may have told that it was cut. The
   * service says how often it shows one; this is for one that does not.
   */
  readonly silence: number;
}

const TIMING: Timing = {
  firstRetry: 500,
  longestRetry: 15_000,
  answer: 20_000,
  firstAnswer: 5000,
  grace: 3000,
  silence: 35_000,
};
/** Signs of life that may be missing, and a bit: a line may be slow. */
const MISSING = 2.4;

/** How an attempt, or the connection that it became, ended. Without a `loss` the next one follows at once. */
interface End {
  readonly loss: Loss | null;
  /** Milliseconds that the next attempt has to wait at least. */
  readonly least?: number;
}

const AGAIN: End = { loss: null };

/** `open` and `close` may be called again; only one connection exists at a time. */
export class EventStream {
  private last: number | null = null;
  private running: AbortController | null = null;
  private lost: Loss | null = null;
  private failures = 0;
  private liveSince: number | null = null;
  private wasLive = false;
  private wake: (() => void) | null = null;
  private cut: ((end: End) => void) | null = null;
  private watch: SilenceWatch | null = null;

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

  /** Try again now, whether it waits for the next attempt or for the answer to this one. */
  retry(): void {
    this.failures = 0;
    this.wake?.();
    if (this.liveSince === null) {
      this.cut?.(AGAIN);
    }
  }

  /** Give the connection up as if it had broken; the next one comes after a pause that grows. */
  fail(why: unknown): void {
    this.cut?.(endOf(why, this.timing));
  }

  private async run(closed: AbortSignal): Promise<void> {
    const deaf = listenToBrowser({
      // Whether it still stands is found out by another one.
      onNetwork: () => (this.retry(), this.cut?.(AGAIN)),
      onSeen: () => (this.wake?.(), this.watch?.look()),
    });
    while (!closed.aborted) {
      this.listener.onState({ kind: 'connecting', lost: this.lost });
      this.liveSince = null;
      const end = await this.follow(closed);
      if (closed.aborted) {
        break;
      }
      this.failures = this.lasted() ? 0 : this.failures;
      if (end.loss !== null) {
        this.lost = end.loss;
        const pause = Math.max(this.delay(this.failures++), end.least ?? 0);
        this.listener.onState({ kind: 'waiting', lost: end.loss, retryAt: Date.now() + pause });
        await this.sleep(pause);
      }
    }
    deaf();
  }

  private lasted(): boolean {
    return this.liveSince !== null && Date.now() - this.liveSince > this.timing.longestRetry;
  }

  private async follow(closed: AbortSignal): Promise<End> {
    const connection = new AbortController();
    let given: End | null = null;
    const cut = (end: End): void => {
      given ??= end;
      connection.abort();
    };
    const stop = (): void => connection.abort();
    closed.addEventListener('abort', stop);
    this.cut = cut;
    const limit = setTimeout(() => cut({ loss: { why: 'silent' } }), this.patience());
    const grace = setTimeout(() => this.doubt(), this.timing.grace);
    try {
      const response = await this.client.events(this.last, connection.signal);
      clearTimeout(limit);
      clearTimeout(grace);
      await this.read(response, closed, cut);
      // The service ends streams after an hour. One that ends at once would be asked for all the time.
      return given ?? (this.lasted() ? AGAIN : { loss: { why: 'closed' } });
    } catch (error) {
      return given ?? endOf(error, this.timing);
    } finally {
      clearTimeout(limit);
      clearTimeout(grace);
      // `open` may have begun another one since.
      this.cut = this.cut === cut ? null : this.cut;
      closed.removeEventListener('abort', stop);
    }
  }

  private async read(response: Response, closed: AbortSignal, cut: (end: End) => void): Promise<void> {
    // Where the looks came late, the next connection may stand before anybody has to be told.
    const silent = (late: boolean): void => cut(late ? AGAIN : { loss: { why: 'silent' } });
    const watch = new SilenceWatch(this.timing.silence, silent);
    this.watch = watch;
    const more = (field: string, value: string): void => {
      if (field === 'keepalive' && Number(value) > 0) {
        watch.expect(MISSING * Number(value));
      }
    };
    try {
      this.liveSince = Date.now();
      this.wasLive = true;
      this.lost = null;
      this.listener.onState({ kind: 'live' });
      this.listener.onLive(this.last !== null);
      for await (const message of messages(
        tapped(texts(response), () => watch.heard()),
        more,
      )) {
        if (closed.aborted) {
          return;
        }
        this.take(message.event, message.data);
      }
    } finally {
      watch.end();
      this.watch = this.watch === watch ? null : this.watch;
    }
  }

  private patience(): number {
    const { answer, firstAnswer } = this.timing;
    return this.wasLive ? Math.min(firstAnswer * 2 ** this.failures, answer) : answer;
  }

  /** The attempt takes longer than one that finds somebody. */
  private doubt(): void {
    if (this.wasLive && this.lost === null) {
      this.lost = { why: 'silent' };
      this.listener.onState({ kind: 'connecting', lost: this.lost });
    }
  }

  private take(kind: string, data: string): void {
    if (kind === 'gap') {
      // Of another database than before, the numbers are lower.
      this.last = (JSON.parse(data) as { after: number }).after;
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

function endOf(error: unknown, timing: Timing): End {
  const loss = lossOf(error);
  if (!(error instanceof Refusal)) {
    return { loss };
  }
  return { loss, least: error.passing ? (error.retryAfter ?? 0) * 1000 : timing.longestRetry };
}

async function* tapped(chunks: AsyncIterable<string>, tap: () => void): AsyncGenerator<string, void, undefined> {
  for await (const chunk of chunks) {
    tap();
    yield chunk;
  }
}
