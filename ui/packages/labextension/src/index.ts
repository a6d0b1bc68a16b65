/** The plugins. */

import type { JupyterFrontEndPlugin } from '@jupyterlab/application';
import { commandsPlugin } from './plugins/commands.js';
import { launcherPlugin } from './plugins/launcher.js';
import { managerPlugin } from './plugins/manager.js';
import { notebooksPlugin } from './plugins/notebooks.js';
import { noticesPlugin } from './plugins/notices.js';
import { outputPlugin } from './plugins/output.js';
import { panelPlugin } from './plugins/panel.js';
import { statusPlugin } from './plugins/status.js';

export * from './tokens.js';

const plugins: readonly JupyterFrontEndPlugin<unknown>[] = [
  managerPlugin,
  notebooksPlugin,
  panelPlugin,
  commandsPlugin,
  launcherPlugin,
  statusPlugin,
  noticesPlugin,
  outputPlugin,
];

export default plugins;
