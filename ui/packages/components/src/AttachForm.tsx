/** Starting a ZApp: its parameters, its name, the notebook that it is for, and what would come of it. */

import { lazy, Suspense, useCallback, useId, useRef, useState, type FormEvent, type ReactElement } from 'react';
import { Refusal, type Execution, type Scalar, type Submit, type ZApp, type ZoeClient } from '@zoe-jupyter/api';
import { FormFoot } from './FormFoot.js';
import { useDoing } from './hooks.js';
import { NameField } from './NameField.js';
import { changed as changedOf, defaultsOf, given, valuesOf, type Values } from './parameters.js';
import { usePreview, type AskPlan } from './preview.js';
import { Prose } from './Prose.js';
import { useInSight } from './sight.js';
import { SwapNote } from './SwapNote.js';
import { useTexts } from './texts.js';

const ZAppForm = lazy(() => import('./ZAppForm.js'));

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
  const ids = { kernel: useId(), outlive: useId() };
  const doing = useDoing();
  const [values, setValues] = useState<Values>(() =>
    swaps?.zapp === zapp.name ? valuesOf(zapp, swaps.plan.parameters) : defaultsOf(zapp),
  );
  const [valid, setValid] = useState(true);
  const [name, setName] = useState('');
  const [chosen, setChosen] = useState(kernel);
  const [outlive, setOutlive] = useState(false);
  const [refused, setRefused] = useState<Readonly<Record<string, string>>>({});
  const ask = useCallback<AskPlan>(
    (wanted, parameters, stop) => client.plan({ zapp: wanted, parameters }, stop),
    [client],
  );
  const preview = usePreview(ask, zapp, values, valid);
  const form = useRef<HTMLFormElement>(null);
  useInSight(form, preview);
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
    <form ref={form} className="zoe zoe-attach" onSubmit={submit} noValidate>
      {zapp.description && (
        <p className="zoe-quiet">
          <Prose text={zapp.description} />
        </p>
      )}
      <Suspense fallback={<p role="status">{trans.__('Loading the form…')}</p>}>
        <ZAppForm zapp={zapp} values={values} refused={shownRefusals} disabled={doing.busy} onChange={changed} />
      </Suspense>
      <NameField value={name} disabled={doing.busy} onChange={setName} />
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
      {swaps !== null && <SwapNote old={swaps} />}
      <FormFoot
        preview={preview}
        doing={doing}
        ready={valid}
        verb={swaps === null ? trans.__('Attach') : trans.__('Swap')}
        onCancel={onCancel}
      />
    </form>
  );
}
