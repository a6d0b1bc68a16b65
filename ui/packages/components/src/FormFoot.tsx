/** The end of a form that starts something: what it would take, what went wrong, and its two buttons. */

import type { ReactElement } from 'react';
import type { Doing } from './hooks.js';
import { PlanPreview, type Preview } from './PlanPreview.js';
import { useTexts } from './texts.js';

export interface FormFootProps {
  readonly preview: Preview;
  readonly doing: Doing;
  /** Whether what is in the form may be sent. */
  readonly ready: boolean;
  /** What sending it does, such as `Attach`. */
  readonly verb: string;
  readonly onCancel: () => void;
}

export function FormFoot({ preview, doing, ready, verb, onCancel }: FormFootProps): ReactElement {
  const trans = useTexts();
  return (
    <div className="zoe-form-foot">
      <PlanPreview preview={preview} />
      {doing.error !== '' && (
        <p className="zoe-error" role="alert">
          {doing.error}
        </p>
      )}
      <div className="zoe-form-end">
        <button type="button" className="zoe-button" onClick={onCancel}>
          {trans.__('Cancel')}
        </button>
        <button type="submit" className="zoe-button zoe-primary" disabled={!ready || doing.busy}>
          {doing.busy ? trans.__('Starting…') : verb}
        </button>
      </div>
    </div>
  );
}
