/** Whole executions for cards, with what a test wants otherwise. */

import type { Execution, Parameter, ZApp } from '@zoe-jupyter/api';

export { execution, FakeService, json, problem, process, ready, until } from '../../api/tests/fakes.js';

export function parameter(change: Partial<Parameter> & { name: string }): Parameter {
  return {
    type: 'integer',
    label: '',
    help: '',
    default: null,
    minimum: null,
    maximum: null,
    choices: [],
    pattern: null,
    scales: false,
    ...change,
  };
}

export function zapp(change: Partial<ZApp> = {}): ZApp {
  const made: Partial<ZApp> = {
    name: 'spark',
    title: 'Spark cluster',
    description: 'A `spark` session.',
    icon: '',
    attachable: true,
    server: false,
    own: false,
    parameters: [
      parameter({ name: 'workers', default: 2, minimum: 0, maximum: 8, scales: true }),
      parameter({ name: 'memory', type: 'memory', default: 2 ** 30, minimum: '512 MiB', maximum: '4 GiB' }),
    ],
    ...change,
  };
  return made as ZApp;
}

export const BOUNDS = { minimum: 0, maximum: 8 };

export type { Execution };
