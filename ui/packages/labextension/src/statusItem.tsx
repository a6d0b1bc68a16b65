/** In the status bar: how many run, my place in the line, my share. */

import { ReactWidget } from '@jupyterlab/ui-components';
import { useEffect, useReducer, type ReactElement } from 'react';
import { lossIn } from '@zoe-jupyter/api';
import { useSnapshot, type Texts } from '@zoe-jupyter/components';
import { statusText } from './statusText.js';
import type { IZoeManager } from './tokens.js';

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
  const text = lossIn(connection) !== null ? trans.__('not connected') : statusText(executions, manager.quota, trans);
  return text === '' ? null : (
    <button type="button" className="zoe-status" title={trans.__('Show my executions')} onClick={onClick}>
      {`Zoe: ${text}`}
    </button>
  );
}
