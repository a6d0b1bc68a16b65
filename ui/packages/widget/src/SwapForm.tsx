/** What is to take the place of a cluster. Plain fields: the form of the panel is ten times as large as the card. */

import { useEffect, useId, useState, type FormEvent, type ReactElement } from 'react';
import type { Execution, Parameter, Scalar, ZApp } from '@zoe-jupyter/api';
import {
  changed,
  defaultsOf,
  labelOf,
  PlanPreview,
  useDoing,
  useTexts,
  valuesOf,
  type Preview,
  type Values,
} from '@zoe-jupyter/components';
import type { Link } from './link.js';

/** Milliseconds after the last key at which the plan is asked for. */
const REST = 300;

export interface SwapFormProps {
  readonly link: Link;
  readonly old: Execution;
  readonly onClose: () => void;
}

export function SwapForm({ link, old, onClose }: SwapFormProps): ReactElement {
  const trans = useTexts();
  const [zapps, setZApps] = useState<readonly ZApp[] | null>(null);
  const [fault, setFault] = useState('');
  useEffect(() => {
    let there = true;
    link.shop().then(
      (found) => there && setZApps(found),
      (error: unknown) => there && setFault(error instanceof Error ? error.message : String(error)),
    );
    return () => {
      there = false;
    };
  }, [link]);
  const first = zapps?.find((each) => each.name === old.zapp) ?? zapps?.[0];
  if (zapps === null || first === undefined) {
    return (
      <p className="zoe-banner" role={fault === '' ? 'status' : 'alert'}>
        <span>{fault || (zapps === null ? trans.__('Reading the shop…') : trans.__('The shop is empty.'))}</span>
        <button type="button" className="zoe-button" onClick={onClose}>
          {trans.__('Cancel')}
        </button>
      </p>
    );
  }
  return <Fields link={link} old={old} zapps={zapps} first={first} onClose={onClose} />;
}

interface FieldsProps extends SwapFormProps {
  readonly zapps: readonly ZApp[];
  readonly first: ZApp;
}

function Fields({ link, old, zapps, first, onClose }: FieldsProps): ReactElement {
  const trans = useTexts();
  const ids = { zapp: useId(), name: useId() };
  const doing = useDoing();
  const [zapp, setZApp] = useState(first);
  const [values, setValues] = useState<Values>(() => startingWith(first, old));
  const [name, setName] = useState('');
  const preview = usePreview(link, zapp, values);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    const parameters = changed(zapp, given(values));
    doing.run(() => link.ask({ do: 'swap', zapp: zapp.name, parameters, name: name.trim() }).then(onClose));
  };
  return (
    <form
      className="zoe-attach zoe-swap"
      aria-label={trans.__('Swap %1', old.name)}
      // In a notebook, keys would be commands as well.
      data-lm-suppress-shortcuts="true"
      onSubmit={submit}
      noValidate
    >
      <div className="zoe-field">
        <label htmlFor={ids.zapp}>{trans.__('Swap for')}</label>
        <select
          id={ids.zapp}
          className="zoe-input"
          value={zapp.name}
          disabled={doing.busy}
          onChange={(event) => {
            const found = zapps.find((each) => each.name === event.target.value) ?? zapp;
            setZApp(found);
            setValues(startingWith(found, old));
          }}
        >
          {zapps.map((each) => (
            <option key={each.name} value={each.name}>
              {each.title || each.name}
            </option>
          ))}
        </select>
      </div>
      {(zapp.parameters ?? []).map((parameter) => (
        <Field
          key={`${zapp.name}/${parameter.name}`}
          parameter={parameter}
          value={values[parameter.name]}
          disabled={doing.busy}
          onChange={(value) => setValues({ ...values, [parameter.name]: value })}
        />
      ))}
      <div className="zoe-field">
        <label htmlFor={ids.name}>{trans.__('Name')}</label>
        <input
          id={ids.name}
          className="zoe-input"
          value={name}
          placeholder={trans.__('chosen by Zoe')}
          autoComplete="off"
          disabled={doing.busy}
          onChange={(event) => setName(event.target.value)}
        />
      </div>
      <p className="zoe-quiet">
        {trans.__('It takes over what %1 is called in the notebook; then %1 is terminated.', old.name)}{' '}
        {trans.__('If it does not come, %1 stays as it is.', old.name)}
      </p>
      <PlanPreview preview={preview} />
      {doing.error !== '' && (
        <p className="zoe-error" role="alert">
          {doing.error}
        </p>
      )}
      <div className="zoe-form-end">
        <button type="button" className="zoe-button" onClick={onClose}>
          {trans.__('Cancel')}
        </button>
        <button
          type="submit"
          className="zoe-button zoe-primary"
          disabled={doing.busy || preview.kind === 'refused' || preview.kind === 'asking'}
        >
          {doing.busy ? trans.__('Starting…') : trans.__('Swap')}
        </button>
      </div>
    </form>
  );
}

interface FieldProps {
  readonly parameter: Parameter;
  readonly value: Scalar | undefined;
  readonly disabled: boolean;
  readonly onChange: (value: Scalar) => void;
}

function Field({ parameter, value, disabled, onChange }: FieldProps): ReactElement {
  const id = useId();
  const help = useId();
  const label = labelOf(parameter);
  const common = { id, disabled, 'aria-describedby': parameter.help ? help : undefined };
  if (parameter.type === 'boolean') {
    return (
      <div className="zoe-check">
        <input {...common} type="checkbox" checked={value === true} onChange={(e) => onChange(e.target.checked)} />
        <label htmlFor={id}>{label}</label>
      </div>
    );
  }
  const number = parameter.type === 'integer' || parameter.type === 'number';
  const read = (text: string): Scalar => (number && text !== '' ? Number(text) : text);
  return (
    <div className="zoe-field">
      <label htmlFor={id}>{label}</label>
      {parameter.help && (
        <p id={help} className="zoe-quiet">
          {parameter.help}
        </p>
      )}
      {parameter.choices && parameter.choices.length > 0 ? (
        <select
          {...common}
          className="zoe-input"
          value={String(value ?? '')}
          onChange={(event) => onChange(parameter.choices?.find((each) => String(each) === event.target.value) ?? '')}
        >
          {parameter.choices.map((each) => (
            <option key={String(each)}>{String(each)}</option>
          ))}
        </select>
      ) : (
        <input
          {...common}
          className="zoe-input"
          type={number ? 'number' : 'text'}
          value={String(value ?? '')}
          onChange={(event) => onChange(read(event.target.value))}
        />
      )}
    </div>
  );
}

const startingWith = (zapp: ZApp, old: Execution): Values =>
  zapp.name === old.zapp ? valuesOf(zapp, old.plan.parameters) : defaultsOf(zapp);

/** Fields that were emptied are left to the service's defaults. */
function given(values: Values): Record<string, Scalar> {
  return Object.fromEntries(
    Object.entries(values).filter((entry): entry is [string, Scalar] => entry[1] !== undefined && entry[1] !== ''),
  );
}

/** What the service thinks of it; what is wrong with a value, it says too. */
function usePreview(link: Link, zapp: ZApp, values: Values): Preview {
  const [preview, setPreview] = useState<Preview>({ kind: 'asking' });
  useEffect(() => {
    let there = true;
    const timer = setTimeout(() => {
      link.plan(zapp.name, given(values)).then(
        (plan) => there && setPreview({ kind: 'plan', plan }),
        (error: unknown) => {
          const sentence = error instanceof Error ? error.message : String(error);
          if (there) {
            setPreview({ kind: 'refused', sentence, parameters: {} });
          }
        },
      );
    }, REST);
    return () => {
      there = false;
      clearTimeout(timer);
    };
  }, [link, zapp, values]);
  return preview;
}
