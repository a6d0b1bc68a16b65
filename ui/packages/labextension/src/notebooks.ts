/** The notebooks that are open in this window, by their kernels. */

import { NotebookActions, type INotebookTracker, type NotebookPanel } from '@jupyterlab/notebook';
import type { Session } from '@jupyterlab/services';
import { Signal, type ISignal } from '@lumino/signaling';
import type { Execution } from '@zoe-jupyter/api';
import type { NotebookChoice } from '@zoe-jupyter/components';
import type { IZoeNotebooks } from './tokens.js';

export interface NotebooksOptions {
  readonly tracker: INotebookTracker | null;
  readonly sessions: Session.IManager;
  readonly openPath: (path: string) => void;
}

export class Notebooks implements IZoeNotebooks {
  private readonly changedSignal = new Signal<IZoeNotebooks, void>(this);

  constructor(private readonly options: NotebooksOptions) {
    const { tracker, sessions } = options;
    const tell = (): void => this.changedSignal.emit();
    sessions.runningChanged.connect(tell);
    tracker?.currentChanged.connect(tell);
    tracker?.widgetAdded.connect((_, panel) => {
      panel.sessionContext.kernelChanged.connect(tell);
      panel.disposed.connect(tell);
    });
  }

  get changed(): ISignal<IZoeNotebooks, void> {
    return this.changedSignal;
  }

  choices(): readonly NotebookChoice[] {
    const current = this.options.tracker?.currentWidget ?? null;
    const panels = this.panels().filter((panel) => panel !== current);
    return [...(current === null ? [] : [current]), ...panels]
      .map((panel) => ({ kernel: kernelOf(panel), title: panel.title.label }))
      .filter((choice) => choice.kernel !== '');
  }

  current(): string {
    const current = this.options.tracker?.currentWidget;
    return current ? kernelOf(current) : '';
  }

  titleOf(execution: Execution): string {
    const kernel = execution.attachment?.kernel;
    if (!kernel) {
      return '';
    }
    const panel = this.panels().find((each) => kernelOf(each) === kernel);
    return panel?.title.label ?? this.pathOf(kernel).split('/').pop() ?? '';
  }

  open(execution: Execution): void {
    const path = this.pathOf(execution.attachment?.kernel ?? '');
    if (path !== '') {
      this.options.openPath(path);
    }
  }

  insert(code: string, kernel: string, run: boolean): boolean {
    const tracker = this.options.tracker;
    const panel = this.panels().find((each) => kernelOf(each) === kernel) ?? tracker?.currentWidget;
    if (!panel) {
      return false;
    }
    const { content, sessionContext } = panel;
    const active = content.activeCell?.model;
    const empty = active?.type === 'code' && active.sharedModel.getSource().trim() === '';
    if (!empty) {
      NotebookActions.insertBelow(content);
    }
    content.activeCell?.model.sharedModel.setSource(code);
    if (run) {
      void NotebookActions.runAndAdvance(content, sessionContext);
    }
    return true;
  }

  private pathOf(kernel: string): string {
    for (const session of this.options.sessions.running()) {
      if (session.kernel?.id === kernel) {
        return session.path;
      }
    }
    return '';
  }

  private panels(): readonly NotebookPanel[] {
    const found: NotebookPanel[] = [];
    this.options.tracker?.forEach((panel) => found.push(panel));
    return found;
  }
}

/** Of a notebook whose kernel speaks Python; others cannot use what is attached. */
function kernelOf(panel: NotebookPanel): string {
  const kernel = panel.sessionContext.session?.kernel;
  const language = panel.model?.defaultKernelLanguage ?? '';
  return kernel && (language === '' || /^i?python\d*$/i.test(language)) ? kernel.id : '';
}
