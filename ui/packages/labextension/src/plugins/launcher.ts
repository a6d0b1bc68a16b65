/** A card in the launcher, that leads to the shop. */

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ILauncher } from '@jupyterlab/launcher';
import { ITranslator } from '@jupyterlab/translation';
import { CommandIDs } from '../commandIDs.js';
import { textsOf } from '../texts.js';
import { IZoeManager, NAMESPACE } from '../tokens.js';

export const launcherPlugin: JupyterFrontEndPlugin<void> = {
  id: `${NAMESPACE}:launcher`,
  description: 'Cards in the launcher.',
  autoStart: true,
  requires: [IZoeManager, ILauncher],
  optional: [ITranslator],
  activate: (_: JupyterFrontEnd, manager: IZoeManager, launcher: ILauncher, translator: ITranslator | null) => {
    if (manager.mode !== 'none') {
      const category = textsOf(translator).__('Clusters');
      launcher.add({ command: CommandIDs.attach, category, rank: 1, args: { isLauncher: true } });
    }
  },
};
