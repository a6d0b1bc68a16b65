/** In the status bar: how many run, my place in the line, my share. */

import { ReactWidget } from '@jupyterlab/ui-components';
import { useEffect, useReducer, type ReactElement } from 'react';
import { hasEnded, type Execution, type Quota } from '@zoe-jupyter/api';
import { limits, usedSentence, useSnapshot, type Texts } from '@zoe-jupyter/components';
import type { IZoeManager } from './tokens.js';

/** Empty where there is nothing to tell. */
export function statusText(executions: readonly Execution[], quota: Quota | null, trans: Texts): string {
  const live = executions.filter((execution) => !hasEnded(execution));
  const waiting = live.filter((execution) => execution.state === 'queued');
  const parts: string[] = [];
  if (live.length > waiting.length) {
    parts.push(trans._n('%1 cluster', '%1 clusters', live.length - waiting.length));
  }
  if (waiting.length > 0) {
    const ahead = Math.min(...waiting.map((execution) => execution.outlook?.ahead ?? Infinity));
    parts.push(
      Number.isFinite(ahead)
        ? trans.__('%1 waiting, %2 ahead', waiting.length, ahead)
        : trans.__('%1 waiting', waiting.length),
    );
  }
  const cores = quota === null ? undefined : limits(quota).find((use) => use.dimension === 'cpu');
  if (cores && parts.length > 0) {
    parts.push(usedSentence(cores, trans));
  }
  return parts.join(' · ');
}

export class StatusItem extends ReactWidget {
  constructor(
    private readonly manager: IZoeManager,
    private readonly trans: Texts,
    private readonly onClick: () => void,
  ) {
    super();
  }

  protected override render(): ReactElement {
    return <Item manager={this.manager} trans={this.trans} onClick={this.onClick} />;
  }
}

interface ItemProps {
  readonly manager: IZoeManager;
  readonly trans: Texts;
  readonly onClick: () => void;
}

function Item({ manager, trans, onClick }: ItemProps): ReactElement | null {
  const { executions, connection } = useSnapshot(manager.store);
  const [, redraw] = useReducer((count: number) => count + 1, 0);
  useEffect(() => {
    manager.changed.connect(redraw);
    return () => void manager.changed.disconnect(redraw);
  }, [manager]);
  const lost = connection.kind === 'waiting';
  const text = lost ? trans.__('not connected') : statusText(executions, manager.quota, trans);
  return text === '' ? null : (
    <button type="button" className="zoe-status" title={trans.__('Show my executions')} onClick={onClick}>
      {`Zoe: ${text}`}
    </button>
  );
}
