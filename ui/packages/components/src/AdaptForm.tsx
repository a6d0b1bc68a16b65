/** Between how few and how many workers a cluster is to follow its load. */

import { useId, useState, type FormEvent, type ReactElement } from 'react';
import type { Workers } from '@zoe-jupyter/api';
import { useTexts } from './texts.js';

export interface AdaptFormProps {
  readonly workers: Workers;
  readonly minimum: number;
  readonly maximum: number;
  readonly busy: boolean;
  readonly onAdapt: (minimum: number, maximum: number) => void;
  readonly onCancel: () => void;
}

export function AdaptForm({ workers, minimum, maximum, busy, onAdapt, onCancel }: AdaptFormProps): ReactElement {
  const trans = useTexts();
  const id = useId();
  // No cluster shrinks to none by itself.
  const least = Math.max(1, minimum);
  const [low, setLow] = useState(String(least));
  const [high, setHigh] = useState(String(Math.max(workers.asked, least)));
  const [from, to] = [Number(low), Number(high)];
  const whole = [low, high].every((text) => text.trim() !== '' && Number.isInteger(Number(text)));
  const valid = whole && least <= from && from <= to && to <= maximum;
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (valid && !busy) {
      onAdapt(from, to);
    }
  };
  const field = (label: string, value: string, set: (text: string) => void, first: boolean): ReactElement => (
    <input
      type="number"
      className="zoe-input"
      aria-label={label}
      aria-invalid={!valid}
      aria-describedby={valid ? undefined : id}
      min={least}
      max={maximum}
      value={value}
      autoFocus={first}
      onChange={(event) => set(event.target.value)}
    />
  );
  return (
    <form className="zoe-scale" onSubmit={submit} noValidate aria-label={trans.__('Follow its load')}>
      <span aria-hidden="true">{trans.__('from')}</span>
      {field(trans.__('fewest %1', workers.label), low, setLow, true)}
      <span aria-hidden="true">{trans.__('to')}</span>
      {field(trans.__('most %1', workers.label), high, setHigh, false)}
      <button type="submit" className="zoe-button" disabled={busy || !valid}>
        {trans.__('Follow')}
      </button>
      <button type="button" className="zoe-button" onClick={onCancel}>
        {trans.__('Cancel')}
      </button>
      {!valid && (
        <p id={id} className="zoe-error" role="alert">
          {trans.__('Whole numbers from %1 to %2, the smaller one first.', least, maximum)}
        </p>
      )}
    </form>
  );
}
