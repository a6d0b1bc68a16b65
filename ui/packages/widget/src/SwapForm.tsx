/** What is to take the place of a cluster. Plain fields: the form of the panel is ten times as large as the card. */

import { useCallback, useEffect, useId, useState, type FormEvent, type ReactElement } from 'react';
import type { Execution, Parameter, Scalar, ZApp } from '@zoe-jupyter/api';
import {
  changed,
  defaultsOf,
  FormFoot,
  given,
  labelOf,
  NameField,
  SwapNote,
  useDoing,
  usePreview,
  useTexts,
  valuesOf,
  type AskPlan,
  type Values,
} from '@zoe-jupyter/components';
import type { Link } from './link.js';

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
  const id = useId();
  const doing = useDoing();
  const [zapp, setZApp] = useState(first);
  const [values, setValues] = useState<Values>(() => startingWith(first, old));
  const [name, setName] = useState('');
  const ask = useCallback<AskPlan>((wanted, parameters) => link.plan(wanted, parameters), [link]);
  const preview = usePreview(ask, zapp, values, true);
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
        <label htmlFor={id}>{trans.__('Swap for')}</label>
        <select
          id={id}
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
      <NameField value={name} disabled={doing.busy} onChange={setName} />
      <SwapNote old={old} />
      <FormFoot
        preview={preview}
        doing={doing}
        ready={preview.kind === 'plan'}
        verb={trans.__('Swap')}
        onCancel={onClose}
      />
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
