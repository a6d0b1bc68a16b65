/** The kernel's side of a card: what it shows, and what it is asked to do. */

import type { Execution } from '@zoe-jupyter/api';

/** As anywidget hands it in. */
export interface Model {
  get(name: 'execution'): Execution;
  on(event: 'change:execution', callback: () => void): void;
  on(event: 'msg:custom', callback: (content: unknown) => void): void;
  off(event: string, callback: (content: unknown) => void): void;
  send(content: unknown): void;
}

/** What a card may ask for; `zoe_widgets.widget` does it. */
export type Wish =
  | { readonly do: 'scale'; readonly number: number }
  | { readonly do: 'keep'; readonly number: number }
  | { readonly do: 'adapt'; readonly minimum: number; readonly maximum: number }
  | { readonly do: 'stop_adapting' }
  | { readonly do: 'detach' }
  | { readonly do: 'terminate' };

/** Milliseconds after which a kernel that says nothing is said to be away: restarted, or without a connection. */
const PATIENCE = 20_000;

/** Asks the kernel, which answers also while a cell runs. */
export class Link {
  private asked = 0;
  private readonly open = new Map<number, { resolve: () => void; reject: (error: Error) => void }>();
  private readonly listener = (content: unknown): void => this.answered(content);

  constructor(
    readonly model: Model,
    private readonly away: string,
    private readonly patience: number = PATIENCE,
  ) {
    model.on('msg:custom', this.listener);
  }

  /** Throws what the kernel says is wrong, or, of a kernel that does not answer, that it is away. */
  ask(wish: Wish): Promise<void> {
    const id = (this.asked += 1);
    return new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => this.settle(id, this.away), this.patience);
      const done = (): void => clearTimeout(timer);
      this.open.set(id, {
        resolve: () => (done(), resolve()),
        reject: (error) => (done(), reject(error)),
      });
      this.model.send({ id, ...wish });
    });
  }

  readonly current = (): Execution => this.model.get('execution');

  readonly subscribe = (listener: () => void): (() => void) => {
    this.model.on('change:execution', listener);
    return () => this.model.off('change:execution', listener);
  };

  dispose(): void {
    this.model.off('msg:custom', this.listener);
  }

  private answered(content: unknown): void {
    if (typeof content === 'object' && content !== null && 'id' in content && 'error' in content) {
      this.settle(Number(content.id), String(content.error));
    }
  }

  private settle(id: number, error: string): void {
    const found = this.open.get(id);
    this.open.delete(id);
    if (error === '') {
      found?.resolve();
    } else {
      found?.reject(new Error(error));
    }
  }
}
