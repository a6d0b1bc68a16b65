/** What it is to be called; empty: Zoe chooses. */

import { useId, type ReactElement } from 'react';
import { useTexts } from './texts.js';

export interface NameFieldProps {
  readonly value: string;
  readonly disabled: boolean;
  readonly onChange: (name: string) => void;
}

export function NameField({ value, disabled, onChange }: NameFieldProps): ReactElement {
  const trans = useTexts();
  const id = useId();
  return (
    <div className="zoe-field">
      <label htmlFor={id}>{trans.__('Name')}</label>
      <input
        id={id}
        className="zoe-input"
        value={value}
        placeholder={trans.__('chosen by Zoe')}
        autoComplete="off"
        disabled={disabled}
        onChange={(event) => onChange(event.target.value)}
      />
    </div>
  );
}
