/** The panel in the left side bar, and what its buttons open. */

import { ILayoutRestorer, type JupyterFrontEnd, type JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Notification, type MainAreaWidget } from '@jupyterlab/apputils';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { ITranslator } from '@jupyterlab/translation';
import { makeActions } from '../actions.js';
import { logsTab, pageTab } from '../documents.js';
import { zoeIcon } from '../icon.js';
import { ZoePanel } from '../panel.js';
import { connecting, swapping } from '../snippets.js';
import { textsOf } from '../texts.js';
import { IZoeManager, IZoeNotebooks, IZoePanel, NAMESPACE } from '../tokens.js';

export const panelPlugin: JupyterFrontEndPlugin<IZoePanel> = {
  id: `${NAMESPACE}:panel`,
  description: 'Shows my executions and the shop in the left side bar.',
  autoStart: true,
  provides: IZoePanel,
  requires: [IZoeManager, IZoeNotebooks],
  optional: [ILayoutRestorer, ISettingRegistry, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    manager: IZoeManager,
    notebooks: IZoeNotebooks,
    restorer: ILayoutRestorer | null,
    registry: ISettingRegistry | null,
    translator: ITranslator | null,
  ) => {
    const trans = textsOf(translator);
    const settings = registry?.load(panelPlugin.id).catch(() => null) ?? Promise.resolve(null);
    const open = (tab: MainAreaWidget): void => {
      const known = [...app.shell.widgets('main')].find((widget) => widget.id === tab.id);
      if (known) {
        tab.dispose();
      } else {
        app.shell.add(tab, 'main');
      }
      app.shell.activateById(tab.id);
    };
    const actions = makeActions({
      manager,
      notebooks,
      swap: (execution) => {
        app.shell.activateById(panel.id);
        panel.swap(execution);
      },
      openLogs: (execution) => open(logsTab(manager.store, execution, trans)),
      openPage: (execution, page) => open(pageTab(execution, page, trans)),
      onNoNotebook: () => void Notification.warning(trans.__('Open a notebook first, into which the code can go.')),
    });
    const panel = new ZoePanel({
      manager,
      notebooks,
      trans,
      actions,
      onSwap: (wish) => {
        const kernel = wish.old.attachment?.kernel ?? '';
        if (notebooks.choices().some((each) => each.kernel === kernel)) {
          notebooks.insert(swapping(wish), kernel, true);
        } else {
          Notification.warning(trans.__('Open the notebook first that %1 is attached to.', wish.old.name));
        }
      },
      onAttached: (execution, kernel) => {
        manager.store.saw(execution);
        panel.reveal(execution.id);
        if (kernel !== '') {
          void settings.then((found) => {
            if (found?.get('insertCode').composite !== false) {
              notebooks.insert(connecting(execution.name), kernel, true);
            }
          });
        }
      },
    });
    panel.id = 'zoe-panel';
    panel.title.icon = zoeIcon;
    panel.title.caption = trans.__('Clusters');
    panel.node.setAttribute('role', 'region');
    panel.node.setAttribute('aria-label', trans.__('Clusters'));
    app.shell.add(panel, 'left', { rank: 600 });
    restorer?.add(panel, 'zoe-panel');
    return {
      actions,
      show: (execution) => {
        app.shell.activateById(panel.id);
        if (execution !== undefined) {
          panel.reveal(execution);
        }
      },
      attach: (zapp) => {
        app.shell.activateById(panel.id);
        panel.attach(zapp);
      },
    };
  },
};
