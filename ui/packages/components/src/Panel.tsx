/** The panel: my executions, my share, and the shop. */

import { useEffect, useRef, useState, useSyncExternalStore, type ReactElement } from 'react';
import {
  type Execution,
  type ExecutionsStore,
  type Quota,
  type Shop,
  type Terminations,
  type ZApp,
} from '@zoe-jupyter/api';
import { AttachForm, type AttachFormProps } from './AttachForm.js';
import { ConnectionBanner } from './ConnectionBanner.js';
import { Announcements } from './Announcements.js';
import { ExecutionCard, type ExecutionActions } from './ExecutionCard.js';
import { keepFocus } from './focus.js';
import { useSnapshot } from './hooks.js';
import { LongList } from './LongList.js';
import { Share } from './Share.js';
import { ShopShelf } from './ShopShelf.js';
import { useTexts } from './texts.js';

/** From so many executions on there is a field to find one by. */
const SEARCHED = 6;
const MOST = 10;
const idOf = (execution: Execution): string => execution.id;

export interface ShelfState {
  readonly shop: Shop | null;
  readonly error: string;
}

export interface FormState extends Omit<AttachFormProps, 'zapp'> {
  readonly zapp: ZApp;
}

export interface PanelProps {
  readonly store: ExecutionsStore;
  readonly terminations: Terminations;
  readonly shelf: ShelfState;
  readonly quota: Quota | null;
  readonly actions: ExecutionActions;
  readonly notebookOf: (execution: Execution) => string;
  readonly onChoose: (zapp: ZApp) => void;
  /** The ZApp whose form is open, beside what the form needs; null: none is. */
  readonly form: FormState | null;
  readonly onRetryShop: () => void;
  /** The execution to be brought into sight. */
  readonly shown: string;
}

export function Panel(props: PanelProps): ReactElement {
  const { store, shelf, quota } = props;
  const trans = useTexts();
  const snapshot = useSnapshot(store);
  const root = useRef<HTMLDivElement>(null);
  useEffect(() => (root.current === null ? undefined : keepFocus(root.current)), []);
  return (
    <div className="zoe zoe-panel" ref={root}>
      <Announcements executions={snapshot.executions} />
      <ConnectionBanner connection={snapshot.connection} loaded={snapshot.loaded} onRetry={() => store.retry()} />
      {props.form !== null && <OpenForm key={`${props.form.zapp.name}/${props.form.swaps?.id}`} form={props.form} />}
      <section aria-label={trans.__('My executions')}>
        <h2>{trans.__('My executions')}</h2>
        <Share quota={quota} />
        <Executions {...props} executions={snapshot.executions} loaded={snapshot.loaded} />
      </section>
      <section aria-label={trans.__('Shop')}>
        <h2>{trans.__('Shop')}</h2>
        {props.form?.swaps && (
          <p className="zoe-quiet">{trans.__('Choose what takes the place of %1.', props.form.swaps.name)}</p>
        )}
        <ShopShelf shop={shelf.shop} error={shelf.error} onChoose={props.onChoose} onRetry={props.onRetryShop} />
      </section>
    </div>
  );
}

function OpenForm({ form }: { form: FormState }): ReactElement {
  const trans = useTexts();
  const heading = useRef<HTMLHeadingElement>(null);
  // Whoever chose by the keyboard goes on where the form begins.
  useEffect(() => heading.current?.focus(), []);
  const goods = form.zapp.title || form.zapp.name;
  const title = form.swaps === null ? trans.__('Attach %1', goods) : trans.__('Swap %1 for %2', form.swaps.name, goods);
  return (
    <section aria-label={title}>
      <h2 className="zoe-form-title" ref={heading} tabIndex={-1}>
        {title}
      </h2>
      <AttachForm {...form} />
    </section>
  );
}

interface ExecutionsProps extends PanelProps {
  readonly executions: readonly Execution[];
  readonly loaded: boolean;
}

function Executions(props: ExecutionsProps): ReactElement {
  const { store, terminations, executions, loaded, shelf, actions, notebookOf, shown } = props;
  const trans = useTexts();
  const pending = useSyncExternalStore(terminations.subscribe, terminations.current);
  const [wanted, setWanted] = useState('');
  if (!loaded) {
    return (
      <p className="zoe-quiet" role="status">
        {trans.__('Reading what runs…')}
      </p>
    );
  }
  if (executions.length === 0) {
    return (
      <p className="zoe-quiet">
        {trans.__('Nothing runs. Choose something from the shop, and it is attached to your notebook.')}
      </p>
    );
  }
  const text = (each: Execution): string =>
    [each.name, each.zapp, each.plan.title, each.state, notebookOf(each)].join(' ').toLowerCase();
  const found = wanted === '' ? executions : executions.filter((each) => text(each).includes(wanted.toLowerCase()));
  return (
    <>
      {executions.length >= SEARCHED && (
        <input
          type="search"
          className="zoe-input zoe-search"
          placeholder={trans.__('Search')}
          aria-label={trans.__('Search my executions')}
          value={wanted}
          onChange={(event) => setWanted(event.target.value)}
        />
      )}
      <LongList items={found} className="zoe-executions" keyOf={idOf} shown={shown}>
        {(execution) => (
          <ExecutionCard
            execution={execution}
            samples={store.history(execution.id)}
            {...boundsOf(execution, shelf.shop)}
            notebook={notebookOf(execution)}
            undoUntil={pending.get(execution.id) ?? null}
            actions={actions}
          />
        )}
      </LongList>
      {found.length === 0 && (
        <p className="zoe-quiet" role="status">
          {trans.__('Nothing of yours matches “%1”.', wanted)}
        </p>
      )}
    </>
  );
}

/** As its ZApp says; of one that is not in the shop, a guess that the service corrects. */
export function boundsOf(execution: Execution, shop: Shop | null): { minimum: number; maximum: number } {
  const zapp = shop?.zapps.find((each) => each.name === execution.zapp);
  const parameter = zapp?.parameters?.find((each) => each.name === execution.plan.scales);
  return {
    minimum: typeof parameter?.minimum === 'number' ? parameter.minimum : 0,
    maximum: typeof parameter?.maximum === 'number' ? parameter.maximum : MOST,
  };
}
