/** Logs and web pages of executions, as tabs of the main area. */

import { MainAreaWidget } from '@jupyterlab/apputils';
import { IFrame, ReactWidget } from '@jupyterlab/ui-components';
import type { ReactElement } from 'react';
import type { Execution, ExecutionsStore, Page } from '@zoe-jupyter/api';
import { Logs, TextsProvider, type Texts } from '@zoe-jupyter/components';
import { zoeIcon } from './icon.js';

class LogsWidget extends ReactWidget {
  constructor(
    private readonly store: ExecutionsStore,
    private readonly execution: Execution,
    private readonly trans: Texts,
  ) {
    super();
  }

  protected override render(): ReactElement {
    return (
      <TextsProvider value={this.trans}>
        <Logs client={this.store.client} execution={this.execution} store={this.store} />
      </TextsProvider>
    );
  }
}

export function logsTab(store: ExecutionsStore, execution: Execution, trans: Texts): MainAreaWidget {
  const tab = new MainAreaWidget({ content: new LogsWidget(store, execution, trans) });
  tab.id = `zoe-logs-${execution.id}`;
  tab.title.icon = zoeIcon;
  tab.title.label = trans.__('Logs of %1', execution.name);
  tab.title.closable = true;
  return tab;
}

/** A page of the user's own cluster: it may do what a page in a tab of the browser may, but not leave its frame. */
export function pageTab(execution: Execution, page: Page, trans: Texts): MainAreaWidget {
  const frame = new IFrame({
    sandbox: ['allow-scripts', 'allow-same-origin', 'allow-forms', 'allow-popups', 'allow-downloads', 'allow-modals'],
  });
  frame.url = new URL(page.url, window.location.href).href;
  const label = trans.__('%1 of %2', page.title, execution.name);
  frame.node.querySelector('iframe')?.setAttribute('title', label);
  const tab = new MainAreaWidget({ content: frame });
  tab.id = `zoe-page-${execution.id}-${page.process}-${page.port}`;
  tab.title.icon = zoeIcon;
  tab.title.label = label;
  tab.title.closable = true;
  return tab;
}
