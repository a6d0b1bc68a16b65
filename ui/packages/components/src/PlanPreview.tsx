/** What a wish would need, and whether it would start now. */

import type { ReactElement } from 'react';
import { formatSeconds, type Outlook, type Plan } from '@zoe-jupyter/api';
import { amounts } from './sentences.js';
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

export function outlookSentence(outlook: Outlook, trans: Texts): string {
  if (outlook.now) {
    return outlook.reason ? trans.__('Starts now, with %1.', outlook.reason) : trans.__('Starts now.');
  }
  const waits = outlook.reason
    ? trans.__('Would have to wait in the queue: %1.', outlook.reason.replace(/\.$/, ''))
    : trans.__('Would have to wait in the queue.');
  const wait = outlook.wait;
  return wait === null || wait === undefined
    ? waits
    : `${waits} ${trans.__('It starts in about %1.', formatSeconds(wait))}`;
}
