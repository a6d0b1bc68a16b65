/** Keeps what the service says. Knows nothing of JupyterLab but how requests travel. */

import { Signal, type ISignal } from '@lumino/signaling';
import { ExecutionsStore, Terminations, ZoeClient, type Execution, type Quota, type Transport } from '@zoe-jupyter/api';
import type { ShelfState } from '@zoe-jupyter/components';
import type { IZoeManager, Mode } from './tokens.js';

export interface ManagerOptions {
  readonly mode: Mode;
  readonly transport: Transport;
  /** An end that was asked for could not be sent. */
  readonly onFailed: (execution: Execution, error: unknown) => void;
  /** Milliseconds in which an end can be taken back. */
  readonly wayBack?: () => number;
  /** Milliseconds after a change at which the quota is read. */
  readonly rest?: number;
}

export class ZoeManager implements IZoeManager {
  readonly mode: Mode;
  readonly client: ZoeClient;
  readonly store: ExecutionsStore;
  readonly terminations: Terminations;
  private shelfNow: ShelfState = { shop: null, error: '' };
  private quotaNow: Quota | null = null;
  private readonly changedSignal = new Signal<IZoeManager, void>(this);
  private begun = false;
  private timer: ReturnType<typeof setTimeout> | null = null;

  constructor(private readonly options: ManagerOptions) {
    this.mode = options.mode;
    this.client = new ZoeClient(options.transport);
    this.store = new ExecutionsStore(this.client);
    this.terminations = new Terminations(this.client, {
      onSent: (execution) => this.store.saw(execution),
      onFailed: options.onFailed,
      ...(options.wayBack && { wayBack: options.wayBack }),
    });
  }

  get shelf(): ShelfState {
    return this.shelfNow;
  }

  get quota(): Quota | null {
    return this.quotaNow;
  }

  get changed(): ISignal<IZoeManager, void> {
    return this.changedSignal;
  }

  begin(): void {
    if (this.begun || this.mode === 'none') {
      return;
    }
    this.begun = true;
    let known = this.store.current();
    let wasLive = false;
    this.store.subscribe(() => {
      const now = this.store.current();
      // What is used changes with the executions, and may have changed while nobody was connected.
      if (now.connection.kind !== known.connection.kind || otherUse(known.executions, now.executions)) {
        this.readQuotaSoon();
      }
      if (now.connection.kind === 'live' && known.connection.kind !== 'live') {
        if (wasLive) {
          // Nobody told of its changes meanwhile.
          this.readShop();
        }
        wasLive = true;
      }
      known = now;
    });
    this.store.onChanged((what) => (what === 'shop.changed' ? this.readShop() : this.readQuotaSoon()));
    this.store.start();
    this.readShop();
  }

  readShop(): void {
    this.shelfNow = { ...this.shelfNow, error: '' };
    this.changedSignal.emit();
    this.client.shop().then(
      (shop) => {
        this.shelfNow = { shop, error: '' };
        this.changedSignal.emit();
      },
      (error: unknown) => {
        this.shelfNow = { shop: null, error: error instanceof Error ? error.message : String(error) };
        this.changedSignal.emit();
      },
    );
  }

  private readQuotaSoon(): void {
    if (this.timer === null && this.store.current().connection.kind === 'live') {
      this.timer = setTimeout(() => {
        this.timer = null;
        this.client.quota().then(
          (quota) => {
            this.quotaNow = quota;
            this.changedSignal.emit();
          },
          // The panel does without; that the service is away is said of the connection.
          () => undefined,
        );
      }, this.options.rest ?? 300);
    }
  }
}

/** Whether another part of quotas may be used now. */
function otherUse(before: readonly Execution[], now: readonly Execution[]): boolean {
  if (before === now) {
    return false;
  }
  const known = new Map(before.map((each) => [each.id, each]));
  const held = ({ state, desired, granted }: Execution): string => JSON.stringify([state, desired, granted]);
  const other = (each: Execution): boolean => {
    const old = known.get(each.id);
    return old !== each && (old === undefined || held(old) !== held(each));
  };
  return before.length !== now.length || now.some(other);
}
