/** What one may have, and what of it is used. */

import type { ReactElement } from 'react';
import { formatBytes, type Quota, type Use } from '@zoe-jupyter/api';
import { useTexts, type Texts } from './texts.js';

/** Only what is limited; nothing where nothing is. */
export function Share({ quota }: { quota: Quota | null }): ReactElement | null {
  const trans = useTexts();
  const limited = quota === null ? [] : limits(quota);
  if (limited.length === 0) {
    return null;
  }
  return (
    <ul className="zoe-share" aria-label={trans.__('My share')}>
      {limited.map((use) => (
        <li key={use.dimension}>
          <span>{usedSentence(use, trans)}</span>
          <progress
            max={use.limit}
            value={Math.min(use.used, use.limit)}
            aria-label={dimensionWord(use.dimension, trans)}
          />
        </li>
      ))}
    </ul>
  );
}

type Limited = Use & { readonly limit: number };

/** The user's own limits. */
export function limits(quota: Quota): readonly Limited[] {
  return quota.own.uses.filter((use): use is Limited => use.limit !== null && use.limit > 0);
}

/** Such as `4 of 8 CPU`. */
export function usedSentence(use: Limited, trans: Texts): string {
  const shown = (value: number): string => shownAmount(use.dimension, value);
  return trans.__('%1 of %2 %3', shown(use.used), shown(use.limit), dimensionWord(use.dimension, trans));
}

function shownAmount(dimension: string, value: number): string {
  return dimension === 'memory' ? formatBytes(value) : String(tenths(value));
}

const tenths = (value: number): number => Math.round(value * 10) / 10;

/** So much of what quotas limit, such as `3.5 CPU`. */
export function amountOf(dimension: string, value: number, trans: Texts): string {
  const number = tenths(value);
  switch (dimension) {
    case 'memory':
      return formatBytes(value);
    case 'cpu':
      return trans.__('%1 CPU', number);
    case 'gpu':
      return trans._n('%1 GPU', '%1 GPUs', number);
    case 'instances':
      return trans._n('%1 instance', '%1 instances', number);
    case 'executions':
      return trans._n('%1 execution', '%1 executions', number);
    case 'cpu_hours':
      return trans._n('%1 CPU hour', '%1 CPU hours', number);
    default:
      return `${number} ${dimension}`;
  }
}

function dimensionWord(dimension: string, trans: Texts): string {
  const words: Readonly<Record<string, string>> = {
    cpu: trans.__('CPU'),
    memory: trans.__('memory'),
    gpu: trans.__('GPUs'),
    instances: trans.__('instances'),
    executions: trans.__('executions'),
    cpu_hours: trans.__('CPU hours'),
  };
  return words[dimension] ?? dimension;
}
