/** What the cards' buttons do here. */

import type { ExecutionActions } from '@zoe-jupyter/components';
import type { Execution, Page } from '@zoe-jupyter/api';
import { connecting } from './snippets.js';
import type { IZoeManager, IZoeNotebooks } from './tokens.js';

export interface ActionsOptions {
  readonly manager: IZoeManager;
  readonly notebooks: IZoeNotebooks;
  readonly swap: (execution: Execution) => void;
  readonly openPage: (execution: Execution, page: Page) => void;
  readonly openLogs: (execution: Execution) => void;
  /** There is no notebook into which code could be put. */
  readonly onNoNotebook: () => void;
}

export function makeActions(options: ActionsOptions): Required<ExecutionActions> {
  const { manager, notebooks } = options;
  const { client, store, terminations } = manager;
  const seen = async (answer: Promise<Execution>): Promise<void> => store.saw(await answer);
  return {
    scale: (execution, parameter, number) => seen(client.modify(execution.id, { [parameter]: number })),
    terminate: (execution) => terminations.request(execution),
    undo: (execution) => void terminations.undo(execution.id),
    endNow: (execution) => void terminations.now(execution.id),
    detach: (execution) => seen(client.detach(execution.id)),
    keep: (execution) => seen(client.keep(execution.id, execution.plan.lifetime.keep)),
    adapt: (execution, minimum, maximum) => seen(client.adapt(execution.id, { minimum, maximum })),
    swap: options.swap,
    stopAdapting: (execution) => seen(client.stopAdapting(execution.id)),
    openPage: options.openPage,
    openLogs: options.openLogs,
    insertCode: (execution) => {
      if (!notebooks.insert(connecting(execution.name), notebooks.current(), false)) {
        options.onNoNotebook();
      }
    },
    openNotebook: (execution) => notebooks.open(execution),
    forget: (execution) => store.forget(execution.id),
  };
}
