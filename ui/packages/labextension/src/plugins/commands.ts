/** Commands, for the palette, menus and short cuts. */

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette, InputDialog } from '@jupyterlab/apputils';
import { ITranslator } from '@jupyterlab/translation';
import { isEnding, workersOf, type Execution } from '@zoe-jupyter/api';
import { attachable } from '@zoe-jupyter/components';
import { zoeIcon } from '../icon.js';
import { connecting } from '../snippets.js';
import { textsOf } from '../texts.js';
import { CommandIDs } from '../commandIDs.js';
import { IZoeManager, IZoeNotebooks, IZoePanel, NAMESPACE } from '../tokens.js';

export const commandsPlugin: JupyterFrontEndPlugin<void> = {
  id: `${NAMESPACE}:commands`,
  description: 'Commands about executions.',
  autoStart: true,
  requires: [IZoeManager, IZoeNotebooks, IZoePanel],
  optional: [ICommandPalette, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    manager: IZoeManager,
    notebooks: IZoeNotebooks,
    panel: IZoePanel,
    palette: ICommandPalette | null,
    translator: ITranslator | null,
  ) => {
    const trans = textsOf(translator);
    const { commands } = app;
    const live = (): readonly Execution[] => manager.store.current().executions.filter((each) => !isEnding(each));

    /** By identifier or name; of one only there is no question; of several, a question. */
    const pick = async (wanted: unknown, among: readonly Execution[]): Promise<Execution | null> => {
      if (typeof wanted === 'string') {
        return among.find((each) => each.id === wanted || each.name === wanted) ?? null;
      }
      if (among.length <= 1) {
        return among[0] ?? null;
      }
      const names = among.map((each) => each.name);
      const answer = await InputDialog.getItem({ title: trans.__('Which cluster?'), items: names });
      return answer.button.accept ? (among.find((each) => each.name === answer.value) ?? null) : null;
    };

    commands.addCommand(CommandIDs.show, {
      label: trans.__('Show my executions'),
      icon: zoeIcon,
      execute: () => panel.show(),
    });
    commands.addCommand(CommandIDs.attach, {
      label: (args) => (args['isLauncher'] ? trans.__('Cluster') : trans.__('Attach a cluster…')),
      caption: trans.__('Attach a cluster to a notebook'),
      icon: zoeIcon,
      isEnabled: () => manager.mode !== 'none',
      execute: (args) => {
        const shop = manager.shelf.shop;
        const all = shop === null ? [] : attachable(shop);
        const zapp = all.find((each) => each.name === args['zapp']) ?? (all.length === 1 ? all[0] : undefined);
        if (zapp) {
          panel.attach(zapp);
        } else {
          panel.show();
        }
      },
    });
    commands.addCommand(CommandIDs.scale, {
      label: trans.__('Scale a cluster…'),
      isEnabled: () => live().some((each) => workersOf(each) !== null),
      execute: async (args) => {
        const found = await pick(
          args['execution'],
          live().filter((each) => workersOf(each) !== null),
        );
        const workers = found && workersOf(found);
        if (!found || !workers) {
          return;
        }
        let number = args['number'];
        if (typeof number !== 'number') {
          const answer = await InputDialog.getNumber({
            title: trans.__('How many %1 for %2?', workers.label, found.name),
            value: workers.asked,
          });
          number = answer.button.accept && answer.value !== null ? answer.value : workers.asked;
        }
        manager.store.saw(await manager.client.modify(found.id, { [workers.parameter]: number }));
      },
    });
    commands.addCommand(CommandIDs.insert, {
      label: trans.__('Insert code that connects to a cluster'),
      isEnabled: () => live().some((each) => each.plan.attachable),
      execute: async (args) => {
        const found = await pick(
          args['execution'],
          live().filter((each) => each.plan.attachable),
        );
        return found !== null && notebooks.insert(connecting(found.name), notebooks.current(), false);
      },
    });
    commands.addCommand(CommandIDs.terminate, {
      label: trans.__('Terminate a cluster…'),
      isEnabled: () => live().length > 0,
      execute: async (args) => {
        const found = await pick(args['execution'], live());
        if (found) {
          // With the way back that the panel offers.
          panel.show(found.id);
          manager.terminations.request(found);
        }
      },
    });
    manager.store.subscribe(() => commands.notifyCommandChanged());

    const category = trans.__('Clusters');
    for (const command of Object.values(CommandIDs)) {
      palette?.addItem({ command, category });
    }
  },
};
