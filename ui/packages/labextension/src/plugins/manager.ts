/** Provides what is known of the service. */

import type { JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Notification } from '@jupyterlab/apputils';
import { PageConfig, URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { ITranslator } from '@jupyterlab/translation';
import { WAY_BACK } from '@zoe-jupyter/api';
import { ZoeManager } from '../manager.js';
import { textsOf } from '../texts.js';
import { IZoeManager, NAMESPACE, type Mode } from '../tokens.js';

/** What the server extension puts into the page. */
const OPTION = 'zoe';

export const managerPlugin: JupyterFrontEndPlugin<IZoeManager> = {
  id: `${NAMESPACE}:manager`,
  description: 'Keeps my executions as they are now.',
  autoStart: true,
  provides: IZoeManager,
  optional: [ISettingRegistry, ITranslator],
  activate: (app, registry: ISettingRegistry | null, translator: ITranslator | null) => {
    const trans = textsOf(translator);
    let wayBack = WAY_BACK;
    void registry?.load(`${NAMESPACE}:panel`).then((settings) => {
      const read = (): void => {
        const seconds = settings.get('undo').composite;
        wayBack = typeof seconds === 'number' ? 1000 * seconds : WAY_BACK;
      };
      settings.changed.connect(read);
      read();
    });
    const settings = app.serviceManager.serverSettings;
    const manager = new ZoeManager({
      mode: modeOf(PageConfig.getOption(OPTION)),
      transport: {
        url: URLExt.join(settings.baseUrl, 'zoe/api/v1'),
        // Not `no-store`, for which JupyterLab adds a query parameter that the service would refuse.
        fetch: (url, init) => ServerConnection.makeRequest(url, { cache: 'no-cache', ...init }, settings),
      },
      wayBack: () => wayBack,
      onFailed: (execution, error) => {
        const reason = error instanceof Error ? error.message : String(error);
        Notification.error(trans.__('%1 was not terminated: %2', execution.name, reason));
      },
    });
    window.addEventListener('pagehide', () => manager.terminations.flush());
    if (manager.mode === 'hub') {
      void app.restored.then(() => manager.begin());
    }
    return manager;
  },
};

function modeOf(option: string): Mode {
  return option === 'hub' || option === 'own' ? option : 'none';
}
