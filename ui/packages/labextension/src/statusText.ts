/** What the status bar says. */

import { bringsServer, hasEnded, type Execution, type Quota } from '@zoe-jupyter/api';
import { limits, usedSentence, type Texts } from '@zoe-jupyter/components';

/** Empty where there is nothing to tell. */
export function statusText(executions: readonly Execution[], quota: Quota | null, trans: Texts): string {
  const live = executions.filter((execution) => !hasEnded(execution) && !bringsServer(execution));
  const waiting = live.filter((execution) => execution.state === 'queued');
  const parts: string[] = [];
  if (live.length > waiting.length) {
    parts.push(trans._n('%1 cluster', '%1 clusters', live.length - waiting.length));
  }
  if (waiting.length > 0) {
    const ahead = Math.min(...waiting.map((execution) => execution.outlook?.ahead ?? Infinity));
    const place = ahead === 0 ? trans.__('next in line') : trans.__('%1 ahead', ahead);
    parts.push([trans.__('%1 waiting', waiting.length), ...(Number.isFinite(ahead) ? [place] : [])].join(', '));
  }
  const cores = quota === null ? undefined : limits(quota).find((use) => use.dimension === 'cpu');
  if (cores && parts.length > 0) {
    parts.push(usedSentence(cores, trans));
  }
  return parts.join(' · ');
}
