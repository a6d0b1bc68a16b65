/** The code that a notebook needs to use an execution. */

import type { SwapWish } from '@zoe-jupyter/components';

/** Python that connects to it. */
export function connecting(name: string): string {
  return `from zoe_widgets import Zoe\n\ncluster = Zoe().connect(${JSON.stringify(name)})`;
}

/** The magic that lets something else take the place of what is attached. */
export function swapping({ old, zapp, parameters, name }: SwapWish): string {
  const given = Object.entries({ ...(name === '' ? {} : { name }), ...parameters });
  return ['%zoe swap', old.name, zapp.name, ...given.map(([key, value]) => quoted(`${key}=${String(value)}`))].join(
    ' ',
  );
}

/** One word for the magic, which splits as a shell does. */
const quoted = (word: string): string => (/^[\w.=+/:@-]+$/.test(word) ? word : `'${word.replaceAll("'", `'"'"'`)}'`);
