/** The executions that one may see, kept as they are now by the stream of events. Asks for nothing by the clock. */

import { EventStream, type Changed, type ConnectionState, type Timing } from './events.js';
import { Refusal } from './errors.js';
import type { ZoeClient } from './client.js';
import { hasEnded, type Execution, type ZoeEvent } from './views.js';
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
  /** False until the list was read for the first time. */
  readonly loaded: boolean;
  readonly connection: ConnectionState;
}

/** Events are handed on after the execution that they are about was read again. */
export type EventListener = (event: ZoeEvent, execution: Execution | null) => void;

const TOGETHER = 4;
const MANY = 20;
const SAMPLES = 120;
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
  private reading = 0;
  private readingAll = false;
  private readAllAgain = false;
  private unread = true;

  constructor(
    readonly client: ZoeClient,
    timing?: Timing,
    private readonly now: () => number = Date.now,
  ) {
    const listener = {
      onLive: (resumed: boolean) => {
        if (!resumed || this.unread) {
          void this.readAll();
        }
      },
      onEvent: (event: ZoeEvent) => this.took(event),
      onGap: () => void this.readAll(),
      onChanged: (what: Changed) => this.changedListeners.forEach((told) => told(what)),
      onState: (connection: ConnectionState) => this.publish({ connection }),
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
    const waiting = this.dirty.get(event.execution);
    if (waiting) {
      waiting.push(event);
    } else {
      this.dirty.set(event.execution, [event]);
    }
    if (this.dirty.size > MANY) {
      void this.readAll();
    } else {
      this.pump();
    }
  }

  private pump(): void {
    while (!this.readingAll && this.reading < TOGETHER && this.dirty.size > 0) {
      const [id, events] = this.dirty.entries().next().value as [string, ZoeEvent[]];
      this.dirty.delete(id);
      this.reading += 1;
      void this.readOne(id, events).finally(() => {
        this.reading -= 1;
        this.pump();
      });
    }
  }

  private async readOne(id: string, events: readonly ZoeEvent[]): Promise<void> {
    try {
      this.keep(await this.client.execution(id));
    } catch (error) {
      if (!(error instanceof Refusal && error.problem.status === 404)) {
        this.stumbled(error);
        return;
      }
      this.drop(id);
    }
    this.publishExecutions();
    this.tell(events);
  }

  private async readAll(): Promise<void> {
    if (this.readingAll) {
      this.readAllAgain = true;
      return;
    }
    this.readingAll = true;
    try {
      do {
        this.readAllAgain = false;
        const events = [...this.dirty.values()].flat();
        this.dirty.clear();
        await this.replaceAll(await this.client.executions(true));
        this.unread = false;
        this.tell(events);
      } while (this.readAllAgain);
    } catch (error) {
      this.stumbled(error);
    } finally {
      this.readingAll = false;
    }
    this.pump();
  }

  private async replaceAll(live: readonly Execution[]): Promise<void> {
    const ids = new Set(live.map((execution) => execution.id));
    // What is live no more may have failed: its last word is read.
    const gone = [...this.byId.values()].filter((execution) => !ids.has(execution.id) && !hasEnded(execution));
    const last = await Promise.all(gone.map((execution) => this.lastWord(execution.id)));
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

  private async lastWord(id: string): Promise<Execution | null> {
    try {
      return await this.client.execution(id);
    } catch (error) {
      if (error instanceof Refusal && error.problem.status === 404) {
        return null;
      }
      throw error;
    }
  }

  /** The stream stands, but a question failed: begin again as after a lost connection. */
  private stumbled(error: unknown): void {
    this.dirty.clear();
    this.unread = true;
    this.stream.fail(error instanceof Error ? error : new Error(String(error)));
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
