/** Cards under cells. What a kernel shows of a cluster is its name; how it is, the service says. */

import { ReactWidget } from '@jupyterlab/ui-components';
import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import type { Signal } from '@lumino/signaling';
import { useEffect, useReducer, type ReactElement } from 'react';
import {
  AttachedCards,
  FollowedCard,
  TextsProvider,
  type ExecutionActions,
  type FollowedCardProps,
  type Texts,
} from '@zoe-jupyter/components';
import { shownOf, type Shown } from './shown.js';
import type { IZoeManager, IZoeNotebooks } from './tokens.js';

export interface OutputsOptions {
  readonly manager: IZoeManager;
  readonly notebooks: IZoeNotebooks;
  readonly actions: ExecutionActions;
  readonly trans: Texts;
}

/** One output. Lives as long as it is shown, whatever becomes of the kernel that wrote it. */
export class ZoeOutput extends ReactWidget implements IRenderMime.IRenderer {
  private shown: Shown | null = null;

  constructor(
    private readonly options: OutputsOptions,
    private readonly mimeType: string,
  ) {
    super();
    this.addClass('zoe-output');
  }

  renderModel(model: IRenderMime.IMimeModel): Promise<void> {
    this.shown = shownOf(model.data[this.mimeType]);
    this.options.manager.begin();
    this.update();
    return Promise.resolve();
  }

  protected override render(): ReactElement {
    return (
      <TextsProvider value={this.options.trans}>
        <div className="zoe zoe-widget">
          <Cards options={this.options} shown={this.shown} />
        </div>
      </TextsProvider>
    );
  }
}

function Cards({ options, shown }: { options: OutputsOptions; shown: Shown | null }): ReactElement {
  const { manager, notebooks, trans } = options;
  const [, redraw] = useReducer((count: number) => count + 1, 0);
  useEffect(() => {
    const signals = [manager.changed, notebooks.changed] as unknown as readonly Signal<unknown, void>[];
    signals.forEach((signal) => signal.connect(redraw));
    return () => signals.forEach((signal) => void signal.disconnect(redraw));
  }, [manager, notebooks]);
  if (manager.mode === 'none' || shown === null) {
    const why = trans.__('Zoe is not set up in this Jupyter server. Its log says what is missing.');
    return (
      <p className="zoe-quiet">
        {shown === null ? trans.__('This was written by another version of Zoe: run the cell again.') : why}
      </p>
    );
  }
  const given: Omit<FollowedCardProps, 'id' | 'name'> = {
    store: manager.store,
    terminations: manager.terminations,
    shop: manager.shelf.shop,
    notebookOf: (execution) => notebooks.titleOf(execution),
    actions: options.actions,
  };
  return 'kernel' in shown ? (
    <AttachedCards {...given} kernel={shown.kernel} />
  ) : (
    <FollowedCard key={shown.execution} {...given} id={shown.execution} name={shown.name} />
  );
}
