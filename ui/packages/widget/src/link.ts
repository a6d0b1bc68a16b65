/** The kernel's side of a card: what it shows, and what it is asked to do. */

import type { Execution, LogWish, Plan, Scalar, ZApp } from '@zoe-jupyter/api';

/** As anywidget hands it in. */
export interface Model {
  get(name: 'execution'): Execution;
  /** Whether the service does not answer the kernel. */
  get(name: 'away'): boolean;
  on(event: 'change:execution' | 'change:away', callback: () => void): void;
  on(event: 'msg:custom', callback: (content: unknown) => void): void;
  off(event: string, callback: (content: unknown) => void): void;
  send(content: unknown): void;
}

type Parameters = Readonly<Record<string, Scalar>>;

/** What a card may ask for; `zoe_widgets.asked` does it. */
export type Wish =
  | { readonly do: 'scale'; readonly number: number }
  | { readonly do: 'keep'; readonly number: number }
  | { readonly do: 'adapt'; readonly minimum: number; readonly maximum: number }
  | { readonly do: 'stop_adapting' }
  | { readonly do: 'detach' }
  | { readonly do: 'terminate' }
  | { readonly do: 'swap'; readonly zapp: string; readonly parameters: Parameters; readonly name: string };

type Question =
  | Wish
  | { readonly do: 'shop' }
  | { readonly do: 'plan'; readonly zapp: string; readonly parameters: Parameters }
  | { readonly do: 'logs'; readonly process?: string; readonly ordinal?: number };

/** Milliseconds after which a kernel that says nothing is said to be away: restarted, or without a connection. */
const PATIENCE = 20_000;

interface Open {
  readonly told: (chunk: string) => void;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** Asks the kernel, which answers also while a cell runs. What it cannot do is thrown, in its own words. */
export class Link {
  private asked = 0;
  private readonly open = new Map<number, Open>();
  private readonly listener = (content: unknown): void => this.answered(content);

  constructor(
    readonly model: Model,
    private readonly away: string,
    private readonly patience: number = PATIENCE,
  ) {
    model.on('msg:custom', this.listener);
  }

  /** Throws what the kernel says is wrong, or, of a kernel that does not answer, that it is away. */
  async ask(wish: Wish): Promise<void> {
    await this.send(wish).answer;
  }

  async shop(): Promise<readonly ZApp[]> {
    return (await this.send({ do: 'shop' }).answer) as readonly ZApp[];
  }

  async plan(zapp: string, parameters: Parameters): Promise<Plan> {
    return (await this.send({ do: 'plan', zapp, parameters }).answer) as Plan;
  }

  /** Output as it comes, of what the card shows; ends when there is no more, or `signal` says so. */
  async *logs(_: string, { process, ordinal }: LogWish, signal: AbortSignal): AsyncGenerator<string, void, undefined> {
    const come: string[] = [];
    let wake = (): void => undefined;
    const { id, answer } = this.send(
      { do: 'logs', ...(process !== undefined && { process }), ...(ordinal !== undefined && { ordinal }) },
      (chunk) => {
        come.push(chunk);
        wake();
      },
    );
    const state: { over: boolean; error: Error | null } = { over: false, error: null };
    const end = (error: Error | null): void => {
      Object.assign(state, { over: true, error });
      wake();
    };
    answer.then(
      () => end(null),
      (error: Error) => end(error),
    );
    const stop = (): void => {
      this.model.send({ id: (this.asked += 1), do: 'stop', of: id });
      this.open.delete(id);
      end(null);
    };
    signal.addEventListener('abort', stop, { once: true });
    try {
      while (!signal.aborted) {
        const text = come.splice(0).join('');
        if (text !== '') {
          yield text;
        } else if (state.over) {
          break;
        } else {
          await new Promise<void>((resolve) => (wake = resolve));
        }
      }
    } finally {
      signal.removeEventListener('abort', stop);
    }
    if (state.error !== null) {
      throw state.error;
    }
  }

  readonly current = (): Execution => this.model.get('execution');

  /** Whether what is shown may be old, as the service is away. */
  readonly serviceAway = (): boolean => this.model.get('away');

  readonly subscribeAway = (listener: () => void): (() => void) => {
    this.model.on('change:away', listener);
    return () => this.model.off('change:away', listener);
  };

  readonly subscribe = (listener: () => void): (() => void) => {
    this.model.on('change:execution', listener);
    return () => this.model.off('change:execution', listener);
  };

  dispose(): void {
    this.model.off('msg:custom', this.listener);
  }

  /** What takes its time says at once that it is at it; from then on there is no hurry. */
  private send(question: Question, told?: (chunk: string) => void): { id: number; answer: Promise<unknown> } {
    const id = (this.asked += 1);
    const answer = new Promise<unknown>((resolve, reject) => {
      const timer = setTimeout(() => this.settle(id, this.away), this.patience);
      const calm = (): void => clearTimeout(timer);
      this.open.set(id, {
        told: (chunk) => (calm(), told?.(chunk)),
        resolve: (result) => (calm(), resolve(result)),
        reject: (error) => (calm(), reject(error)),
      });
      this.model.send({ id, ...question });
    });
    return { id, answer };
  }

  private answered(content: unknown): void {
    if (typeof content !== 'object' || content === null || !('id' in content)) {
      return;
    }
    const id = Number(content.id);
    if ('chunk' in content) {
      this.open.get(id)?.told(String(content.chunk));
    } else if ('error' in content) {
      this.settle(id, String(content.error), 'result' in content ? content.result : undefined);
    }
  }

  private settle(id: number, error: string, result?: unknown): void {
    const found = this.open.get(id);
    this.open.delete(id);
    if (error === '') {
      found?.resolve(result);
    } else {
      found?.reject(new Error(error));
    }
  }
}
