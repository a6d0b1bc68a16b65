/** The panel as a widget of JupyterLab. */

import { ReactWidget } from '@jupyterlab/ui-components';
import type { Message } from '@lumino/messaging';
import { Signal } from '@lumino/signaling';
import { useEffect, useReducer, type ReactElement } from 'react';
import type { Execution, ZApp } from '@zoe-jupyter/api';
import {
  Panel,
  TextsProvider,
  type ExecutionActions,
  type FormState,
  type SwapWish,
  type Texts,
} from '@zoe-jupyter/components';
import type { IZoeManager, IZoeNotebooks } from './tokens.js';

export interface PanelOptions {
  readonly manager: IZoeManager;
  readonly notebooks: IZoeNotebooks;
  readonly actions: ExecutionActions;
  readonly trans: Texts;
  /** A ZApp was started; `kernel` is that of the notebook it is for, or empty. */
  readonly onSwap: (wish: SwapWish) => void;
  readonly onAttached: (execution: Execution, kernel: string) => void;
}

export class ZoePanel extends ReactWidget {
  private readonly wanted = new Signal<this, void>(this);
  private zapp: ZApp | null = null;
  private swaps: Execution | null = null;
  private shown = '';

  constructor(private readonly options: PanelOptions) {
    super();
    this.addClass('zoe-lab-panel');
  }

  /** Open the form of this ZApp. */
  attach(zapp: ZApp): void {
    this.swaps = null;
    this.choose(zapp);
  }

  private choose(zapp: ZApp): void {
    this.zapp = zapp;
    this.wanted.emit();
  }

  /** Open the form of what is to take the place of this execution: of its own ZApp at first. */
  swap(execution: Execution): void {
    const all = this.options.manager.shelf.shop?.zapps ?? [];
    this.zapp = all.find((each) => each.name === execution.zapp) ?? all.find((each) => each.attachable) ?? null;
    this.swaps = this.zapp && execution;
    this.wanted.emit();
  }

  /** Bring an execution into sight. */
  reveal(execution: string): void {
    this.shown = execution;
    this.wanted.emit();
  }

  protected override onBeforeShow(message: Message): void {
    super.onBeforeShow(message);
    this.options.manager.begin();
  }

  protected override render(): ReactElement {
    return <Content options={this.options} state={() => this.state()} wanted={this.wanted} />;
  }

  private state(): { form: FormState | null; shown: string; onChoose: (zapp: ZApp) => void } {
    const { manager, notebooks, onAttached } = this.options;
    const close = (): void => {
      this.zapp = null;
      this.swaps = null;
      this.wanted.emit();
    };
    const form = this.zapp && {
      zapp: this.zapp,
      client: manager.client,
      notebooks: notebooks.choices(),
      kernel: notebooks.current(),
      swaps: this.swaps,
      onSwap: (wish: SwapWish) => {
        close();
        this.options.onSwap(wish);
      },
      onCancel: close,
      onDone: (execution: Execution, kernel: string) => {
        close();
        onAttached(execution, kernel);
      },
    };
    return { form, shown: this.shown, onChoose: (zapp) => this.choose(zapp) };
  }
}

interface ContentProps {
  readonly options: PanelOptions;
  readonly state: () => { form: FormState | null; shown: string; onChoose: (zapp: ZApp) => void };
  readonly wanted: Signal<ZoePanel, void>;
}

function Content({ options, state, wanted }: ContentProps): ReactElement {
  const { manager, notebooks, actions, trans } = options;
  const [, redraw] = useReducer((count: number) => count + 1, 0);
  useEffect(() => {
    const signals = [manager.changed, notebooks.changed, wanted] as const;
    signals.forEach((signal) => (signal as typeof wanted).connect(redraw));
    return () => signals.forEach((signal) => void (signal as typeof wanted).disconnect(redraw));
  }, [manager, notebooks, wanted]);
  if (manager.mode === 'none') {
    return (
      <p className="zoe zoe-panel zoe-quiet">
        {trans.__('Zoe is not set up in this Jupyter server. Its log says what is missing.')}
      </p>
    );
  }
  const { form, shown, onChoose } = state();
  return (
    <TextsProvider value={trans}>
      <Panel
        store={manager.store}
        terminations={manager.terminations}
        shelf={manager.shelf}
        quota={manager.quota}
        actions={actions}
        notebookOf={(execution) => notebooks.titleOf(execution)}
        onChoose={onChoose}
        onRetryShop={() => manager.readShop()}
        form={form}
        shown={shown}
      />
    </TextsProvider>
  );
}
