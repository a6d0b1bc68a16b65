/** Provides what is known of the notebooks. */

import type { JupyterFrontEndPlugin } from '@jupyterlab/application';
import { INotebookTracker } from '@jupyterlab/notebook';
import { Notebooks } from '../notebooks.js';
import { IZoeNotebooks, NAMESPACE } from '../tokens.js';

export const notebooksPlugin: JupyterFrontEndPlugin<IZoeNotebooks> = {
  id: `${NAMESPACE}:notebooks`,
  description: 'Knows which notebooks are open, and puts code into them.',
  autoStart: true,
  provides: IZoeNotebooks,
  optional: [INotebookTracker],
  activate: (app, tracker: INotebookTracker | null) =>
    new Notebooks({
      tracker,
      sessions: app.serviceManager.sessions,
      openPath: (path) => void app.commands.execute('docmanager:open', { path }),
    }),
};
