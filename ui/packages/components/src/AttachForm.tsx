/** Starting a ZApp: its parameters, its name, the notebook that it is for, and what would come of it. */

import {
  lazy,
  Suspense,
  useCallback,
  useEffect,
  useId,
  useRef,
  useState,
  type FormEvent,
  type ReactElement,
} from 'react';
import {
  Refusal,
  type Execution,
  type Plan,
  type Scalar,
  type Submit,
  type ZApp,
  type ZoeClient,
} from '@zoe-jupyter/api';
import { useDoing } from './hooks.js';
import { PlanPreview, type Preview } from './PlanPreview.js';
import { Prose } from './Prose.js';
import { changed as changedOf, defaultsOf, valuesOf, type Values } from './parameters.js';
import { useTexts } from './texts.js';

const ZAppForm = lazy(() => import('./ZAppForm.js'));

/** Milliseconds after the last key at which the plan is asked for. */
const REST = 300;

/** A notebook with a kernel, to which a cluster can be attached. */
export interface NotebookChoice {
  readonly kernel: string;
  readonly title: string;
}

/** What is to take the place of an execution. */
export interface SwapWish {
  readonly old: Execution;
  readonly zapp: ZApp;
  /** Where they are not what the ZApp would take by itself. */
  readonly parameters: Readonly<Record<string, Scalar>>;
  /** Empty: chosen by Zoe. */
  readonly name: string;
}

export interface AttachFormProps {
  readonly client: ZoeClient;
  readonly zapp: ZApp;
  readonly notebooks: readonly NotebookChoice[];
  /** The kernel that is chosen at first; empty: none. */
  readonly kernel: string;
  /** The execution whose place it is to take; null: none. Then `onSwap` is called, and nothing is started here. */
  readonly swaps: Execution | null;
  readonly onSwap: (wish: SwapWish) => void;
  readonly onDone: (execution: Execution, kernel: string) => void;
  readonly onCancel: () => void;
}

export function AttachForm(props: AttachFormProps): ReactElement {
  const { client, zapp, notebooks, kernel, swaps, onSwap, onDone, onCancel } = props;
  const trans = useTexts();
  const ids = { name: useId(), kernel: useId(), outlive: useId() };
  const doing = useDoing();
  const [values, setValues] = useState<Values>(() =>
    swaps?.zapp === zapp.name ? valuesOf(zapp, swaps.plan.parameters) : defaultsOf(zapp),
  );
  const [valid, setValid] = useState(true);
  const [name, setName] = useState('');
  const [chosen, setChosen] = useState(kernel);
  const [outlive, setOutlive] = useState(false);
  const [refused, setRefused] = useState<Readonly<Record<string, string>>>({});
  const preview = usePreview(client, zapp, values, valid);
  const key = useRef({ wish: '', key: '' });
  const shownRefusals = { ...(preview.kind === 'refused' ? preview.parameters : {}), ...refused };

  const changed = useCallback((next: Values, good: boolean) => {
    setValues(next);
    setValid(good);
    setRefused({});
  }, []);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (!valid || doing.busy) {
      return;
    }
    if (swaps !== null) {
      onSwap({ old: swaps, zapp, parameters: changedOf(zapp, given(values)), name: name.trim() });
      return;
    }
    const wish: Submit = {
      zapp: zapp.name,
      parameters: given(values),
      ...(name.trim() === '' ? {} : { name: name.trim() }),
      // The server extension says which server this is.
      ...(chosen === '' ? {} : { attachment: { server: '', kernel: chosen, outlive } }),
    };
    // The same wish sent again, after an answer that was lost, starts nothing twice.
    const text = JSON.stringify(wish);
    if (key.current.wish !== text) {
      key.current = { wish: text, key: crypto.randomUUID() };
    }
    doing.run(async () => {
      try {
        onDone(await client.submit(wish, key.current.key), chosen);
      } catch (error) {
        const parameter = error instanceof Refusal ? error.problem.parameter : null;
        if (parameter && (zapp.parameters ?? []).some((each) => each.name === parameter)) {
          setRefused({ [parameter]: (error as Refusal).message });
        }
        if (error instanceof Refusal && !error.passing) {
          key.current = { wish: '', key: '' };
        }
        throw error;
      }
    });
  };

  return (
    <form className="zoe zoe-attach" onSubmit={submit} noValidate>
      {zapp.description && (
        <p className="zoe-quiet">
          <Prose text={zapp.description} />
        </p>
      )}
      <Suspense fallback={<p role="status">{trans.__('Loading the form…')}</p>}>
        <ZAppForm zapp={zapp} values={values} refused={shownRefusals} disabled={doing.busy} onChange={changed} />
      </Suspense>
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
      {swaps === null && (
        <div className="zoe-field">
          <label htmlFor={ids.kernel}>{trans.__('Notebook')}</label>
          <select
            id={ids.kernel}
            className="zoe-input"
            value={chosen}
            disabled={doing.busy}
            onChange={(event) => setChosen(event.target.value)}
          >
            {notebooks.map((each) => (
              <option key={each.kernel} value={each.kernel}>
                {each.title}
              </option>
            ))}
            <option value="">{trans.__('none: it is attached later')}</option>
          </select>
        </div>
      )}
      {swaps === null && chosen !== '' && (
        <div className="zoe-check">
          <input
            id={ids.outlive}
            type="checkbox"
            checked={outlive}
            disabled={doing.busy}
            onChange={(event) => setOutlive(event.target.checked)}
          />
          <label htmlFor={ids.outlive}>{trans.__('Keep it when the notebook is shut down')}</label>
        </div>
      )}
      {swaps !== null && (
        <p className="zoe-quiet">
          {trans.__('It takes over what %1 is called in the notebook; then %1 is terminated.', swaps.name)}{' '}
          {trans.__('If it does not come, %1 stays as it is.', swaps.name)}
        </p>
      )}
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
          <button type="submit" className="zoe-button zoe-primary" disabled={!valid || doing.busy}>
            {doing.busy ? trans.__('Starting…') : swaps === null ? trans.__('Attach') : trans.__('Swap')}
          </button>
        </div>
      </div>
    </form>
  );
}

/** Fields that were emptied are left to the service's defaults. */
function given(values: Values): Record<string, Scalar> {
  return Object.fromEntries(
    Object.entries(values).filter((entry): entry is [string, Scalar] => entry[1] !== undefined && entry[1] !== ''),
  );
}

function usePreview(client: ZoeClient, zapp: ZApp, values: Values, valid: boolean): Preview {
  const [preview, setPreview] = useState<Preview>({ kind: 'asking' });
  useEffect(() => {
    if (!valid) {
      setPreview({ kind: 'none' });
      return;
    }
    const stop = new AbortController();
    setPreview((before) => (before.kind === 'plan' ? before : { kind: 'asking' }));
    const timer = setTimeout(() => {
      client
        .plan({ zapp: zapp.name, parameters: given(values) }, stop.signal)
        .then((plan: Plan) => setPreview({ kind: 'plan', plan }))
        .catch((error: unknown) => {
          if (!stop.signal.aborted) {
            setPreview(refusal(error));
          }
        });
    }, REST);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [client, zapp, values, valid]);
  return preview;
}

function refusal(error: unknown): Preview {
  const sentence = error instanceof Error ? error.message : String(error);
  const parameter = error instanceof Refusal ? error.problem.parameter : null;
  return { kind: 'refused', sentence, parameters: parameter ? { [parameter]: sentence } : {} };
}
