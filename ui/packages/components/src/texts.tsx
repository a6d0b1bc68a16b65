/** Texts: English, until the host translates. `%1` is the first argument. */

import { createContext, useContext } from 'react';

/** As JupyterLab's `TranslationBundle` has it. */
export interface Texts {
  __(text: string, ...given: readonly (string | number)[]): string;
  /** `%1` is `count`. */
  _n(one: string, many: string, count: number, ...given: readonly (string | number)[]): string;
}

const fill = (text: string, given: readonly (string | number)[]): string =>
  text.replace(/%(\d+)/g, (whole, place: string) => String(given[Number(place) - 1] ?? whole));

export const english: Texts = {
  __: (text, ...given) => fill(text, given),
  _n: (one, many, count, ...given) => fill(count === 1 ? one : many, [count, ...given]),
};

const Context = createContext<Texts>(english);

export const TextsProvider = Context.Provider;

export const useTexts = (): Texts => useContext(Context);
