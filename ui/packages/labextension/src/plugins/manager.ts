/** Provides what is known of the service. */

import type { JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Notification } from '@jupyterlab/apputils';
import { PageConfig, URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';
import { ITranslator } from '@jupyterlab/translation';
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
  optional: [ITranslator],
  activate: (app, translator: ITranslator | null) => {
    const trans = textsOf(translator);
    const settings = app.serviceManager.serverSettings;
    const manager = new ZoeManager({
      mode: modeOf(PageConfig.getOption(OPTION)),
      transport: {
        url: URLExt.join(settings.baseUrl, 'zoe/api/v1'),
        // Not `no-store`, for which JupyterLab adds a query parameter that the service would refuse.
        fetch: (url, init) => ServerConnection.makeRequest(url, { cache: 'no-cache', ...init }, settings),
      },
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
