/** The executions that one may see, kept as they are now by the stream of events. Asks for nothing by the clock. */

import { EventStream, type Changed, type ConnectionState, type Timing } from './events.js';
import { Refusal } from './errors.js';
import type { ZoeClient } from './client.js';
import { hasEnded, type Execution, type ZoeEvent } from './views.js';
import { within } from './within.js';
import { workersOf } from './workers.js';

/** Workers at one moment (milliseconds, as `Date.now`). */
export interface Sample {
  readonly time: number;
  readonly asked: number;
  readonly ready: number;
}

/** What is known. A new object with every change, so that it can be compared by identity. */
export interface Snapshot {
  /** Newest first. What ended while it was watched is still there; what had ended before is not. */
  readonly executions: readonly Execution[];
  /** False until the list was read for the first time; of a long one, its beginning. */
  readonly loaded: boolean;
  readonly connection: ConnectionState;
}

/** Events are handed on once the execution that they are about is known as it is since: it came with them, or was read. */
export type EventListener = (event: ZoeEvent, execution: Execution | null) => void;

const TOGETHER = 4;
const MANY = 20;
/** A long list is read in two steps, of which this is the first. */
const SOME = 50;
const SAMPLES = 120;
/** Milliseconds after which an answer that has not come is given up: the line that it was asked over may be dead. */
const ONE = 10_000;
const ALL = 30_000;
const NONE: readonly Sample[] = [];

/** Begins with `start`, rests with `stop`; either may be called twice, and `start` after `stop` goes on. */
export class ExecutionsStore {
  private snapshot: Snapshot = { executions: [], loaded: false, connection: { kind: 'closed' } };
  private readonly listeners = new Set<() => void>();
  private readonly eventListeners = new Set<EventListener>();
  private readonly changedListeners = new Set<(what: Changed) => void>();
  private readonly stream: EventStream;
  private readonly byId = new Map<string, Execution>();
  private readonly samples = new Map<string, Sample[]>();
  private readonly dirty = new Map<string, ZoeEvent[]>();
  /** About which a question is under way. */
  private readonly reading = new Set<string>();
  private readingAll = false;
  private readAllAgain = false;
  private unread = true;
  /** Ends all questions of the connection that goes on; null: there is none. */
  private connected: AbortController | null = null;

  constructor(
    readonly client: ZoeClient,
    timing?: Timing,
    private readonly now: () => number = Date.now,
  ) {
    const listener = {
      onLive: (resumed: boolean) => {
        this.connected = new AbortController();
        if (!resumed || this.unread) {
          void this.readAll();
        } else {
          this.pump();
        }
      },
      onEvent: (event: ZoeEvent) => this.took(event),
      onGap: () => void this.readAll(),
      onChanged: (what: Changed) => this.changedListeners.forEach((told) => told(what)),
      onState: (connection: ConnectionState) => {
        if (connection.kind !== 'live') {
          this.lose();
        }
        this.publish({ connection });
      },
    };
    this.stream = new EventStream(client, listener, timing);
  }

  start(): void {
    this.stream.open();
  }

  stop(): void {
    this.stream.close();
  }

  /** Connect again now, if it is waiting for that. */
  retry(): void {
    this.stream.retry();
  }

  /** Bound, so that it can be given to React's `useSyncExternalStore` with `subscribe`. */
  readonly current = (): Snapshot => this.snapshot;

  /** Returns how to end it. */
  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  onEvent(listener: EventListener): () => void {
    this.eventListeners.add(listener);
    return () => this.eventListeners.delete(listener);
  }

  /** Told when the shop, or a quota, is another one. */
  onChanged(listener: (what: Changed) => void): () => void {
    this.changedListeners.add(listener);
    return () => this.changedListeners.delete(listener);
  }

  get(id: string): Execution | undefined {
    return this.byId.get(id);
  }

  /** How its workers came and went, oldest first, since it is watched. */
  history(id: string): readonly Sample[] {
    return this.samples.get(id) ?? NONE;
  }

  /** An answer of the service holds a newer state than is known here. */
  saw(execution: Execution): void {
    this.keep(execution);
    this.publishExecutions();
  }

  /** Of one that has ended: show it no more. */
  forget(id: string): void {
    this.drop(id);
    this.publishExecutions();
  }

  private took(event: ZoeEvent): void {
    const id = event.execution;
    const settled = !this.unread && !this.readingAll;
    if (event.now !== undefined && settled) {
      // It is known without a question how it is, unless one is under way: then those who listen wait for that, and hear
      // of one event after the other.
      this.keep(event.now);
      this.publishExecutions();
      if (!this.reading.has(id)) {
        const events = [...(this.dirty.get(id) ?? []), event];
        this.dirty.delete(id);
        this.tell(events);
        return;
      }
    }
    this.putBack([[id, [event]]]);
    if (this.dirty.size > MANY) {
      void this.readAll();
    } else {
      this.pump();
    }
  }

  /** They are told, in their order, once what they are about was read. */
  private putBack(found: Iterable<readonly [string, readonly ZoeEvent[]]>): void {
    for (const [id, events] of found) {
      const all = [...(this.dirty.get(id) ?? []), ...events];
      this.dirty.set(
        id,
        all.sort((a, b) => a.seq - b.seq),
      );
    }
  }

  private pump(): void {
    while (this.connected !== null && !this.readingAll && this.reading.size < TOGETHER) {
      const next = [...this.dirty].find(([id]) => !this.reading.has(id));
      if (next === undefined) {
        return;
      }
      const [id, events] = next;
      this.dirty.delete(id);
      this.reading.add(id);
      void this.readOne(id, events, this.connected.signal).finally(() => {
        this.reading.delete(id);
        this.pump();
      });
    }
  }

  private async readOne(id: string, events: readonly ZoeEvent[], connected: AbortSignal): Promise<void> {
    try {
      this.keep(await within(ONE, [connected], (signal) => this.client.execution(id, signal)));
    } catch (error) {
      if (!(error instanceof Refusal && error.problem.status === 404)) {
        this.putBack([[id, events]]);
        this.stumbled(error, connected);
        return;
      }
      this.drop(id);
    }
    this.publishExecutions();
    this.tell(events);
  }

  private async readAll(): Promise<void> {
    const connected = this.connected?.signal;
    if (connected === undefined) {
      this.unread = true;
      return;
    }
    if (this.readingAll) {
      this.readAllAgain = true;
      return;
    }
    this.readingAll = true;
    this.readAllAgain = false;
    const taken = new Map(this.dirty);
    this.dirty.clear();
    try {
      await within(ALL, [connected], async (signal) => this.replaceAll(await this.live(signal), signal));
      this.unread = false;
      this.tell([...taken.values()].flat());
    } catch (error) {
      this.putBack(taken);
      this.unread = true;
      this.stumbled(error, connected);
    } finally {
      this.readingAll = false;
    }
    if (this.readAllAgain && this.connected !== null) {
      void this.readAll();
    } else {
      this.pump();
    }
  }

  /** The list. At first, of a long one, the newest are shown before the others have come. */
  private async live(signal: AbortSignal): Promise<readonly Execution[]> {
    if (this.snapshot.loaded) {
      return this.client.executions(true, signal);
    }
    const { executions, total } = await this.client.newest(SOME, signal);
    if (total <= executions.length) {
      return executions;
    }
    executions.forEach((execution) => this.keep(execution));
    this.publishExecutions({ loaded: true });
    return this.client.executions(true, signal);
  }

  private async replaceAll(live: readonly Execution[], connected: AbortSignal): Promise<void> {
    const ids = new Set(live.map((execution) => execution.id));
    // What is live no more may have failed: its last word is read.
    const gone = [...this.byId.values()].filter((execution) => !ids.has(execution.id) && !hasEnded(execution));
    const last = await Promise.all(gone.map((execution) => this.lastWord(execution.id, connected)));
    gone.forEach((execution, index) => {
      const found = last[index];
      if (found) {
        this.keep(found);
      } else {
        this.drop(execution.id);
      }
    });
    live.forEach((execution) => this.keep(execution));
    this.publishExecutions({ loaded: true });
  }

  private async lastWord(id: string, connected: AbortSignal): Promise<Execution | null> {
    try {
      return await this.client.execution(id, connected);
    } catch (error) {
      if (error instanceof Refusal && error.problem.status === 404) {
        return null;
      }
      throw error;
    }
  }

  /** The stream stands, but a question failed: begin again as after a lost connection, and read all of it. */
  private stumbled(error: unknown, connected: AbortSignal): void {
    if (!connected.aborted) {
      this.unread = true;
      this.lose();
      this.stream.fail(error);
    }
  }

  /** What was asked over the same line may never be answered, whoever asked it. */
  private lose(): void {
    if (this.connected !== null) {
      this.connected.abort();
      this.connected = null;
      this.client.drop();
    }
  }

  private keep(execution: Execution): void {
    const known = this.byId.get(execution.id);
    if (known && known.updated > execution.updated) {
      return;
    }
    this.byId.set(execution.id, execution);
    const workers = workersOf(execution);
    if (workers) {
      const past = this.samples.get(execution.id) ?? [];
      const { asked, ready } = workers;
      const last = past.at(-1);
      if (!last || last.asked !== asked || last.ready !== ready) {
        this.samples.set(execution.id, [...past, { time: this.now(), asked, ready }].slice(-SAMPLES));
      }
    }
  }

  private drop(id: string): void {
    this.byId.delete(id);
    this.samples.delete(id);
  }

  private tell(events: readonly ZoeEvent[]): void {
    for (const event of events) {
      for (const listener of this.eventListeners) {
        listener(event, this.byId.get(event.execution) ?? null);
      }
    }
  }

  private publishExecutions(more: Partial<Snapshot> = {}): void {
    const executions = [...this.byId.values()].sort((a, b) => (a.created < b.created ? 1 : -1));
    this.publish({ ...more, executions });
  }

  private publish(change: Partial<Snapshot>): void {
    this.snapshot = { ...this.snapshot, ...change };
    this.listeners.forEach((listener) => listener());
  }
}
