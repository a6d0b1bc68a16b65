/** The card of an execution that is known by its identifier only: live, ended, or forgotten. */

import { useEffect, useState, useSyncExternalStore, type ReactElement } from 'react';
import { Refusal, type Execution, type ExecutionsStore, type Shop, type Terminations } from '@zoe-jupyter/api';
import { ConnectionBanner } from './ConnectionBanner.js';
import { ExecutionCard, type ExecutionActions } from './ExecutionCard.js';
import { useSnapshot } from './hooks.js';
import { boundsOf } from './Panel.js';
import { useTexts } from './texts.js';

export interface FollowedCardProps {
  readonly store: ExecutionsStore;
  readonly terminations: Terminations;
  readonly shop: Shop | null;
  readonly id: string;
  /** As it was called when this was written down. */
  readonly name: string;
  readonly notebookOf: (execution: Execution) => string;
  readonly actions: ExecutionActions;
}

export function FollowedCard(props: FollowedCardProps): ReactElement {
  const { store, terminations, shop, id, name, notebookOf, actions } = props;
  const trans = useTexts();
  const snapshot = useSnapshot(store);
  const pending = useSyncExternalStore(terminations.subscribe, terminations.current);
  const found = useFollowed(store, id);
  return (
    <>
      <ConnectionBanner
        connection={snapshot.connection}
        loaded={found.kind === 'known'}
        onRetry={() => store.retry()}
      />
      {found.kind === 'known' ? (
        <ExecutionCard
          execution={found.execution}
          samples={store.history(id)}
          {...boundsOf(found.execution, shop)}
          notebook={notebookOf(found.execution)}
          undoUntil={pending.get(id) ?? null}
          actions={actions}
        />
      ) : (
        <p className="zoe-quiet" role="status">
          {found.kind === 'gone'
            ? trans.__('Nothing is known of %1: it ended long ago, or is somebody else’s.', name)
            : found.reason === ''
              ? trans.__('Asking how %1 is…', name)
              : found.reason}
        </p>
      )}
    </>
  );
}

type Followed =
  | { readonly kind: 'asking'; readonly reason: string }
  | { readonly kind: 'known'; readonly execution: Execution }
  | { readonly kind: 'gone' };

/** From the list of what lives; what is not there is asked for, again whenever the connection was lost. */
function useFollowed(store: ExecutionsStore, id: string): Followed {
  const snapshot = useSnapshot(store);
  const listed = snapshot.executions.find((each) => each.id === id) ?? null;
  const [last, setLast] = useState<Followed>({ kind: 'asking', reason: '' });
  const ask = snapshot.loaded && snapshot.connection.kind === 'live' && listed === null;
  useEffect(() => {
    if (!ask) {
      return;
    }
    const stop = new AbortController();
    store.client.execution(id, stop.signal).then(
      (execution) => setLast({ kind: 'known', execution }),
      (error: unknown) => {
        if (!stop.signal.aborted) {
          const gone = error instanceof Refusal && error.problem.status === 404;
          setLast(gone ? { kind: 'gone' } : { kind: 'asking', reason: sentence(error) });
        }
      },
    );
    return () => stop.abort();
  }, [store, id, ask]);
  return listed === null ? last : { kind: 'known', execution: listed };
}

const sentence = (error: unknown): string => (error instanceof Error ? error.message : String(error));
