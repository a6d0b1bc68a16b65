/** What a wish would need, what that takes of quotas, and whether it would start now. */

import type { ReactElement } from 'react';
import { exactBytes, formatSeconds, type Cost, type Outlook, type Plan } from '@zoe-jupyter/api';
import { amounts } from './sentences.js';
import { amountOf } from './Share.js';
import { useTexts, type Texts } from './texts.js';

export type Preview =
  /** Nothing to ask about: something is wrong with the form. */
  | { readonly kind: 'none' }
  | { readonly kind: 'asking' }
  | { readonly kind: 'plan'; readonly plan: Plan }
  /** The service says no, perhaps because of some parameters. */
  | { readonly kind: 'refused'; readonly sentence: string; readonly parameters: Readonly<Record<string, string>> };

export function PlanPreview({ preview }: { preview: Preview }): ReactElement {
  const trans = useTexts();
  return (
    <div className="zoe-preview" role="status">
      {preview.kind === 'asking' && <p className="zoe-quiet">{trans.__('Asking what it would need…')}</p>}
      {preview.kind === 'refused' && <p className="zoe-warning">{preview.sentence}</p>}
      {preview.kind === 'plan' && (
        <>
          <p>{needs(preview.plan, trans)}</p>
          {preview.plan.outlook && <p>{outlookSentence(preview.plan.outlook, trans)}</p>}
          {shownCosts(preview.plan).map((cost) => (
            <p key={`${cost.subject}/${cost.dimension}`} className={cost.too_much ? 'zoe-warning' : 'zoe-quiet'}>
              {costSentence(cost, trans)}
            </p>
          ))}
        </>
      )}
    </div>
  );
}

function needs(plan: Plan, trans: Texts): string {
  const [core, total] = [amounts(plan.core, trans), amounts(plan.total, trans)];
  return core === total
    ? trans.__('Needs %1.', core)
    : trans.__('Needs %1 to start, %2 with everything that it asks for.', core, total);
}

/** Of these most people have plenty: they are told of only where it is too much. */
const PLENTY: ReadonlySet<string> = new Set(['executions', 'instances']);

const shownCosts = (plan: Plan): readonly Cost[] =>
  (plan.preview?.costs ?? []).filter((cost) => cost.too_much || !PLENTY.has(cost.dimension));

/** What it takes of one limit, such as `Takes 2 CPU; of your quota (8 CPU) stays free: 3 CPU.` */
export function costSentence(cost: Cost, trans: Texts): string {
  const told = (amount: number): string => amountOf(cost.dimension, amount, trans);
  const [takes, left, limit] = [told(cost.takes), told(cost.left), told(cost.limit)];
  const quota = cost.subject.startsWith('group ')
    ? trans.__('the quota of group %1 (%2)', cost.subject.slice('group '.length), limit)
    : trans.__('your quota (%1)', limit);
  if (cost.dimension === 'cpu_hours') {
    return trans.__('Left: %1 of %2.', left, quota);
  }
  if (cost.too_much) {
    // Rounded, for people; here the difference is what matters.
    const alike = cost.dimension === 'memory' && takes === left;
    const [much, rest] = alike ? [exactBytes(cost.takes), exactBytes(cost.left)] : [takes, left];
    return trans.__('Too much for %1: it takes %2; left: %3.', quota, much, rest);
  }
  return cost.takes === cost.left
    ? trans.__('Takes %1, all that is left of %2.', takes, quota)
    : trans.__('Takes %1; of %2 stays free: %3.', takes, quota, told(cost.left - cost.takes));
}

export function outlookSentence(outlook: Outlook, trans: Texts): string {
  if (outlook.now) {
    return outlook.reason ? trans.__('Starts now, with %1.', outlook.reason) : trans.__('Starts now.');
  }
  if (outlook.refused) {
    return trans.__('Would be refused: %1.', outlook.reason.replace(/\.$/, ''));
  }
  const waits = outlook.reason
    ? trans.__('Would have to wait in the queue: %1.', outlook.reason.replace(/\.$/, ''))
    : trans.__('Would have to wait in the queue.');
  const wait = outlook.wait;
  return wait === null || wait === undefined
    ? waits
    : `${waits} ${trans.__('It starts in about %1.', formatSeconds(wait))}`;
}
