/** What the REST interface says, by the names of its OpenAPI document. `schema.ts` is made from that document. */

import type { components } from './schema.js';

type Schemas = components['schemas'];

export type Execution = Schemas['ExecutionView'];
export type ExecutionState = Schemas['ExecutionState'];
export type Instance = Schemas['InstanceView'];
export type Plan = Schemas['PlanView'];
export type Process = Schemas['ProcessView'];
export type Cost = Schemas['CostView'];
export type Outlook = Schemas['Outlook'];
export type Page = Schemas['UiView'];
export type Shop = Schemas['ShopView'];
export type ZApp = Schemas['ZAppView'];
export type Parameter = Schemas['Parameter'];
export type Quota = Schemas['OwnQuotaView'];
export type Use = Schemas['UseView'];
export type Me = Schemas['MeView'];
export type Submit = Partial<Omit<Schemas['Submit'], 'attachment'>> & { attachment?: Attachment };
export type Attachment = Pick<Schemas['Attachment'], 'server'> & Partial<Schemas['Attachment']>;
export type Adaptation = Pick<Schemas['Adaptation-Input'], 'minimum' | 'maximum'>;
export type Resources = Schemas['Resources'];
export type Problem = Pick<Schemas['Problem'], 'type' | 'title' | 'status' | 'detail'> & Partial<Schemas['Problem']>;
export type Scalar = boolean | number | string;

/** The kinds of event that this version knows; a newer service may send others. */
export type EventKind =
  | 'execution.submitted'
  | 'execution.state_changed'
  | 'execution.waiting'
  | 'execution.scaled'
  | 'execution.adapted'
  | 'execution.granted'
  | 'execution.attached'
  | 'execution.detached'
  | 'execution.expiring'
  | 'execution.kept'
  | 'execution.termination_requested'
  | 'instance.state_changed';

/** One stored change. */
export interface ZoeEvent {
  readonly seq: number;
  readonly time: string;
  readonly owner: string;
  readonly execution: string;
  readonly kind: EventKind;
  readonly data: Readonly<Record<string, unknown>>;
  /** The execution as it was when this was sent. Not with every event, and not from every service. */
  readonly now?: Execution;
}

const ENDED: ReadonlySet<string> = new Set(['terminated', 'failed', 'completed']);

/** Whether nothing of it runs any more. */
export function hasEnded(execution: Execution): boolean {
  return ENDED.has(execution.state);
}

/** Whether a Jupyter server is part of it, which the Hub starts and stops. */
export function bringsServer(execution: Execution): boolean {
  return execution.plan.processes.some((process) => process.placement === 'server');
}

/** Whether it is on its way to its end, or there. */
export function isEnding(execution: Execution): boolean {
  return execution.desired === 'terminated' || hasEnded(execution);
}
