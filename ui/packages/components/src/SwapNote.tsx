/** What a swap does to the one that is there. */

import type { ReactElement } from 'react';
import type { Execution } from '@zoe-jupyter/api';
import { useTexts } from './texts.js';

export function SwapNote({ old }: { old: Execution }): ReactElement {
  const trans = useTexts();
  return (
    <p className="zoe-quiet">
      {trans.__('It takes over what %1 is called in the notebook; then %1 is terminated.', old.name)}{' '}
      {trans.__('If it does not come, %1 stays as it is.', old.name)}
    </p>
  );
}
