/** How many workers are wanted: a slider and a field that say the same. */

import { useEffect, useId, useState, type FormEvent, type ReactElement } from 'react';
import type { Workers } from '@zoe-jupyter/api';
import { useTexts } from './texts.js';

export interface WorkerScaleProps {
  readonly workers: Workers;
  readonly minimum: number;
  readonly maximum: number;
  readonly busy: boolean;
  readonly onScale: (number: number) => void;
}

export function WorkerScale({ workers, minimum, maximum, busy, onScale }: WorkerScaleProps): ReactElement {
  const trans = useTexts();
  const id = useId();
  const [draft, setDraft] = useState(String(workers.asked));
  // What was asked for elsewhere shows here too.
  useEffect(() => setDraft(String(workers.asked)), [workers.asked]);
  const number = Number(draft);
  const whole = draft.trim() !== '' && Number.isInteger(number);
  const valid = whole && number >= minimum && number <= maximum;
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (valid && number !== workers.asked) {
      onScale(number);
    }
  };
  return (
    <form className="zoe-scale" onSubmit={submit} noValidate>
      <input
        type="range"
        // In a notebook, the keys that move it would move the choice of cells as well.
        data-lm-suppress-shortcuts="true"
        aria-label={trans.__('%1 wanted', workers.label)}
        min={minimum}
        max={maximum}
        value={valid ? number : workers.asked}
        onChange={(event) => setDraft(event.target.value)}
      />
      <input
        type="number"
        className="zoe-input"
        aria-label={trans.__('number of %1', workers.label)}
        aria-invalid={!valid}
        aria-describedby={valid ? undefined : id}
        min={minimum}
        max={maximum}
        value={draft}
        onChange={(event) => setDraft(event.target.value)}
      />
      <button type="submit" className="zoe-button" disabled={busy || !valid || number === workers.asked}>
        {busy ? trans.__('Scaling…') : trans.__('Scale')}
      </button>
      {!valid && (
        <p id={id} className="zoe-error" role="alert">
          {trans.__('A whole number from %1 to %2.', minimum, maximum)}
        </p>
      )}
    </form>
  );
}
