/** Shows clusters under cells by what the service says of them. */

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { ITranslator } from '@jupyterlab/translation';
import { ZoeOutput } from '../outputs.js';
import { MIME } from '../shown.js';
import { textsOf } from '../texts.js';
import { IZoeManager, IZoeNotebooks, IZoePanel, NAMESPACE } from '../tokens.js';

/** Before the kernel's own widget, which is rank 0: that one dies with the kernel. */
const RANK = -10;

export const outputPlugin: JupyterFrontEndPlugin<void> = {
  id: `${NAMESPACE}:output`,
  description: 'Cards of clusters under cells.',
  autoStart: true,
  requires: [IZoeManager, IZoeNotebooks, IZoePanel, IRenderMimeRegistry],
  optional: [ITranslator],
  activate: (
    _: JupyterFrontEnd,
    manager: IZoeManager,
    notebooks: IZoeNotebooks,
    panel: IZoePanel,
    registry: IRenderMimeRegistry,
    translator: ITranslator | null,
  ) => {
    const trans = textsOf(translator);
    // A card in a notebook is no place to put code into it, and stays where it is.
    const { scale, adapt, stopAdapting, swap, terminate, undo, endNow, detach, keep, openPage, openLogs } =
      panel.actions;
    const changing = { scale, adapt, stopAdapting, swap, terminate, undo, endNow, detach, keep };
    const actions = { ...changing, openPage, openLogs };
    registry.addFactory(
      {
        safe: true,
        mimeTypes: [MIME],
        createRenderer: ({ mimeType }) => new ZoeOutput({ manager, notebooks, actions, trans }, mimeType),
      },
      RANK,
    );
  },
};
