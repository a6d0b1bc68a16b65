/** Sentences about executions, the same as in notebooks. */

import { formatBytes, formatSeconds, granted, missing, workersOf, type Execution } from '@zoe-jupyter/api';
import type { Texts } from './texts.js';

/** Workers asked for, granted, ready, and why they differ; empty where there are none to count. */
export function sizes(execution: Execution, trans: Texts): string {
  const workers = workersOf(execution);
  if (workers === null) {
    return '';
  }
  const { label, asked, granted: given, ready } = workers;
  if (execution.state === 'queued') {
    return trans.__('%1: %2 asked', label, asked);
  }
  return given < asked
    ? trans.__('%1: %2 ready, %3 of %4 granted', label, ready, given, asked)
    : trans.__('%1: %2 of %3 ready', label, ready, asked);
}

/** Why it is as it is, where that is not plain from its state. */
export function explanation(execution: Execution, trans: Texts): string {
  const waits = missing(execution);
  if (waits.length > 0) {
    return trans.__('waiting for %1', waits.join(', '));
  }
  const wait = execution.outlook?.wait;
  const starts =
    execution.state === 'queued' && wait !== null && wait !== undefined
      ? trans.__('starts in about %1', formatSeconds(wait))
      : '';
  return [execution.reason, starts].filter((text) => text !== '').join(' · ');
}

/** What is granted to all of it together; empty where nothing is. */
export function holdings(execution: Execution, trans: Texts): string {
  const { cpu, memory } = granted(execution);
  if (cpu === 0 && memory === 0) {
    return '';
  }
  return `${processors(cpu, trans)} · ${formatBytes(memory)}`;
}

export function amounts(resources: { cpu?: number; memory?: number | string; gpu?: number }, trans: Texts): string {
  const parts = [processors(resources.cpu ?? 0, trans), formatBytes(Number(resources.memory ?? 0))];
  if (resources.gpu) {
    parts.push(trans._n('%1 GPU', '%1 GPUs', resources.gpu));
  }
  return parts.join(', ');
}

const processors = (cpu: number, trans: Texts): string => trans.__('%1 CPU', Math.round(cpu * 100) / 100);

/** States as words. */
export function stateWord(state: string, trans: Texts): string {
  const words: Readonly<Record<string, string>> = {
    queued: trans.__('waiting'),
    starting: trans.__('starting'),
    running: trans.__('running'),
    degraded: trans.__('recovering'),
    stopping: trans.__('ending'),
    failing: trans.__('failing'),
    completing: trans.__('completing'),
    terminated: trans.__('terminated'),
    failed: trans.__('failed'),
    completed: trans.__('completed'),
  };
  return words[state] ?? state;
}
