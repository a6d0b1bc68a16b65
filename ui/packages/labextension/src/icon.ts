/** The icon of everything of Zoe's: a few machines, one of them larger. */

import { LabIcon } from '@jupyterlab/ui-components';
import { NAMESPACE } from './tokens.js';

export const zoeIcon = new LabIcon({
  name: `${NAMESPACE}:icon`,
  svgstr:
    '<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24"><g class="jp-icon3" fill="#616161">' +
    '<path d="M3 4h18v6H3zM3 12h8v4H3zM13 12h8v4h-8zM3 18h8v4H3zM13 18h8v4h-8z"/></g></svg>',
});
