/** The item in the status bar. */

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { IStatusBar } from '@jupyterlab/statusbar';
import { ITranslator } from '@jupyterlab/translation';
import { StatusItem } from '../statusItem.js';
import { textsOf } from '../texts.js';
import { IZoeManager, IZoePanel, NAMESPACE } from '../tokens.js';

export const statusPlugin: JupyterFrontEndPlugin<void> = {
  id: `${NAMESPACE}:status`,
  description: 'Says in the status bar how many clusters there are, and my place in the line.',
  autoStart: true,
  requires: [IZoeManager, IZoePanel, IStatusBar],
  optional: [ITranslator],
  activate: (
    _: JupyterFrontEnd,
    manager: IZoeManager,
    panel: IZoePanel,
    bar: IStatusBar,
    translator: ITranslator | null,
  ) => {
    const item = new StatusItem(manager, textsOf(translator), () => panel.show());
    bar.registerStatusItem(`${NAMESPACE}:status`, { item, align: 'left', rank: 50 });
  },
};
