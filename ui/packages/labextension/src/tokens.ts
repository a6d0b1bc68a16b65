/** What plugins give each other. Importing this does nothing. */

import { Token } from '@lumino/coreutils';
import type { ISignal } from '@lumino/signaling';
import type { Execution, ExecutionsStore, Quota, Terminations, ZApp, ZoeClient } from '@zoe-jupyter/api';
import type { ExecutionActions, NotebookChoice, ShelfState } from '@zoe-jupyter/components';

export const NAMESPACE = '@zoe-jupyter/labextension';

/** Who answers: a Hub's service; one of the user's own, started when it is first asked; nobody. */
export type Mode = 'hub' | 'own' | 'none';

/** What is known of the service's side. */
export interface IZoeManager {
  readonly mode: Mode;
  readonly client: ZoeClient;
  readonly store: ExecutionsStore;
  readonly terminations: Terminations;
  readonly shelf: ShelfState;
  readonly quota: Quota | null;
  /** The shelf or the quota is another one. */
  readonly changed: ISignal<IZoeManager, void>;
  /** Connect. Where the service is the user's own, this starts it. A second call does nothing. */
  begin(): void;
  /** Read the shop again. */
  readShop(): void;
}

export const IZoeManager = new Token<IZoeManager>(`${NAMESPACE}:IZoeManager`, 'Executions, kept as they are now.');

/** What is known of the notebooks that are open here. */
export interface IZoeNotebooks {
  /** A notebook, or its kernel, is another one. */
  readonly changed: ISignal<IZoeNotebooks, void>;
  /** Those with a Python kernel, the current one first. */
  choices(): readonly NotebookChoice[];
  /** The kernel of the notebook that is used now; empty: there is none. */
  current(): string;
  /** The notebook that an execution is attached to; empty: none that this server has. */
  titleOf(execution: Execution): string;
  /** Bring that notebook to the front. */
  open(execution: Execution): void;
  /** Put a cell with this code below the active one; with `run`, run it. False: there is no such notebook. */
  insert(code: string, kernel: string, run: boolean): boolean;
}

export const IZoeNotebooks = new Token<IZoeNotebooks>(`${NAMESPACE}:IZoeNotebooks`, 'The notebooks that are open.');

/** The panel in the left side bar. */
export interface IZoePanel {
  /** What can be done with an execution here. */
  readonly actions: Required<ExecutionActions>;
  /** Show it, and in it an execution. */
  show(execution?: string): void;
  /** Show it with the form of this ZApp. */
  attach(zapp: ZApp): void;
}

export const IZoePanel = new Token<IZoePanel>(`${NAMESPACE}:IZoePanel`, 'The panel of executions.');
