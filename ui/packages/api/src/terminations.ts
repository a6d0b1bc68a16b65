/** Ends that were asked for and can still be taken back. */

import { Refusal } from './errors.js';
import type { Execution } from './views.js';

/** Milliseconds in which an end can be taken back, unless somebody wants more. */
export const WAY_BACK = 5000;

/** Who sends it; `keepalive` where the page is being closed. */
export interface Terminating {
  readonly terminate: (id: string, keepalive: boolean) => Promise<Execution>;
}

export interface TerminationsOptions {
  readonly onSent: (execution: Execution) => void;
  readonly onFailed: (execution: Execution, error: unknown) => void;
  /** Milliseconds, asked for at each end. */
  readonly wayBack?: () => number;
}

/** What was asked to end, by identifier, with the moment (as `Date.now`) from which on it is sent. */
export class Terminations {
  private pending: ReadonlyMap<string, number> = new Map();
  private readonly waiting = new Map<string, { execution: Execution; timer: ReturnType<typeof setTimeout> }>();
  private readonly listeners = new Set<() => void>();

  constructor(
    private readonly client: Terminating,
    private readonly options: TerminationsOptions,
  ) {}

  readonly current = (): ReadonlyMap<string, number> => this.pending;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** End it a few seconds from now. A second call for the same changes nothing. */
  request(execution: Execution): void {
    if (this.waiting.has(execution.id)) {
      return;
    }
    const wayBack = this.options.wayBack?.() ?? WAY_BACK;
    const timer = setTimeout(() => void this.send(execution, false), wayBack);
    this.waiting.set(execution.id, { execution, timer });
    this.publish(new Map([...this.pending, [execution.id, Date.now() + wayBack]]));
  }

  /** Take it back. False: it was sent already, or never asked for. */
  undo(id: string): boolean {
    const found = this.waiting.get(id);
    if (found === undefined) {
      return false;
    }
    clearTimeout(found.timer);
    this.forget(id);
    return true;
  }

  /** Wait no longer. False: it was sent already, or never asked for. */
  now(id: string): boolean {
    const found = this.waiting.get(id);
    if (found === undefined) {
      return false;
    }
    clearTimeout(found.timer);
    void this.send(found.execution, false);
    return true;
  }

  /** Send all at once, as when the page is being closed. */
  flush(): void {
    for (const { execution, timer } of [...this.waiting.values()]) {
      clearTimeout(timer);
      void this.send(execution, true);
    }
  }

  private async send(execution: Execution, keepalive: boolean): Promise<void> {
    this.forget(execution.id);
    try {
      this.options.onSent(await this.client.terminate(execution.id, keepalive));
    } catch (error) {
      if (!(error instanceof Refusal && error.problem.status === 404)) {
        this.options.onFailed(execution, error);
      }
    }
  }

  private forget(id: string): void {
    this.waiting.delete(id);
    this.publish(new Map([...this.pending].filter(([each]) => each !== id)));
  }

  private publish(pending: ReadonlyMap<string, number>): void {
    this.pending = pending;
    this.listeners.forEach((listener) => listener());
  }
}
