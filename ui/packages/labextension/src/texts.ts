/** JupyterLab's translations, as the components ask for them. */

import type { ITranslator } from '@jupyterlab/translation';
import { english, type Texts } from '@zoe-jupyter/components';

/** Texts of the domain `zoe`; English where nobody translates. */
export function textsOf(translator: ITranslator | null): Texts {
  const bundle = translator?.load('zoe');
  return bundle === undefined
    ? english
    : {
        __: (text, ...given) => bundle.__(text, ...given),
        _n: (one, many, count, ...given) => bundle._n(one, many, count, ...given),
      };
}
