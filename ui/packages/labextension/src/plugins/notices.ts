/** Notifications: failed, shrunk, about to go. */

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Notification } from '@jupyterlab/apputils';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { ITranslator } from '@jupyterlab/translation';
import { noticeOf } from '../notices.js';
import { textsOf } from '../texts.js';
import { IZoeManager, IZoePanel, NAMESPACE } from '../tokens.js';

/** Milliseconds for which a notification stays that asks for nothing. */
const STAYS = 8000;

export const noticesPlugin: JupyterFrontEndPlugin<void> = {
  id: `${NAMESPACE}:notices`,
  description: 'Tells of clusters that failed, shrank, or are about to end.',
  autoStart: true,
  requires: [IZoeManager, IZoePanel],
  optional: [ISettingRegistry, ITranslator],
  activate: (
    _: JupyterFrontEnd,
    manager: IZoeManager,
    panel: IZoePanel,
    registry: ISettingRegistry | null,
    translator: ITranslator | null,
  ) => {
    const trans = textsOf(translator);
    let wanted = true;
    void registry?.load(`${NAMESPACE}:panel`).then((settings) => {
      const read = (): void => {
        wanted = settings.get('notifications').composite !== false;
      };
      settings.changed.connect(read);
      read();
    });
    manager.store.onEvent((event, execution) => {
      const notice = wanted ? noticeOf(event, execution, trans) : null;
      if (notice) {
        Notification.emit(notice.text, notice.kind, {
          autoClose: notice.kind === 'info' ? STAYS : false,
          actions: [{ label: trans.__('Show'), callback: () => panel.show(notice.execution) }],
        });
      }
    });
  },
};
