/** Workers of an execution: asked for, granted, ready, and why they differ. As `zoe_widgets` says it in notebooks. */

import type { Execution, Process } from './views.js';

export interface Workers {
  /** What they are called, such as `workers`. */
  readonly label: string;
  /** The parameter by which their number is changed. */
  readonly parameter: string;
  readonly asked: number;
  readonly granted: number;
  readonly ready: number;
}

/** Null where nothing can be counted: the ZApp has one size. */
export function workersOf(execution: Execution): Workers | null {
  const parameter = execution.plan.scales;
  if (parameter === null) {
    return null;
  }
  const processes = workerProcesses(execution, parameter);
  const keys = new Set(processes.map((process) => process.key));
  const asked = processes.length
    ? sum(processes.map((process) => process.core + process.elastic))
    : wished(execution, parameter);
  return {
    label: parameter.replaceAll('_', ' '),
    parameter,
    asked,
    granted: sum([...keys].map((key) => execution.granted[key] ?? 0)),
    ready: execution.instances.filter((each) => keys.has(each.process) && each.state === 'ready').length,
  };
}

/** Processors and bytes of all that is granted. */
export function granted(execution: Execution): { cpu: number; memory: number } {
  let cpu = 0;
  let memory = 0;
  for (const process of execution.plan.processes) {
    const count = execution.granted[process.key] ?? 0;
    cpu += (process.resources.cpu ?? 0) * count;
    memory += Number(process.resources.memory ?? 0) * count;
  }
  return { cpu, memory };
}

/** Titles of the processes that a start still waits for. */
export function missing(execution: Execution): readonly string[] {
  if (execution.state !== 'starting') {
    return [];
  }
  const ready = new Set(execution.instances.filter((each) => each.state === 'ready').map((each) => each.process));
  return execution.plan.processes
    .filter((process) => process.core > 0 && !ready.has(process.key))
    .map((process) => process.title || process.key);
}

function workerProcesses(execution: Execution, parameter: string): readonly Process[] {
  const elastic = execution.plan.processes.filter((process) => process.elastic > 0);
  if (elastic.length > 0) {
    return elastic;
  }
  const number = wished(execution, parameter);
  const alike = execution.plan.processes.filter((process) => process.core === number);
  const named = alike.filter((process) => process.key.split('.').slice(1).join('.').includes('worker'));
  return (named.length > 0 ? named : alike).slice(-1);
}

function wished(execution: Execution, parameter: string): number {
  return Number(execution.plan.parameters[parameter] ?? execution.parameters[parameter] ?? 0);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
