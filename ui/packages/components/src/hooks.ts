/** What several components need of React. */

import { useCallback, useEffect, useState, useSyncExternalStore } from 'react';
import { lossIn, type ExecutionsStore, type Loss, type Snapshot } from '@zoe-jupyter/api';

export function useSnapshot(store: ExecutionsStore): Snapshot {
  return useSyncExternalStore(store.subscribe, store.current);
}

/** Why there is no connection; null where there is one, or nobody watches. */
export function useLoss(store: ExecutionsStore | null): Loss | null {
  return useSyncExternalStore(store?.subscribe ?? untold, () =>
    store === null ? null : lossIn(store.current().connection),
  );
}

const untold = () => (): void => undefined;

/** The time (as `Date.now`), told anew every second while `running`. */
export function useNow(running: boolean): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    if (!running) {
      return;
    }
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, [running]);
  return now;
}

/** What of an action is shown: that it goes on, and the sentence with which it failed. */
export interface Doing {
  readonly busy: boolean;
  readonly error: string;
  readonly run: (action: () => Promise<unknown>) => void;
}

export function useDoing(): Doing {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState('');
  const run = useCallback((action: () => Promise<unknown>) => {
    setBusy(true);
    setError('');
    action()
      .catch((reason: unknown) => setError(reason instanceof Error ? reason.message : String(reason)))
      .finally(() => setBusy(false));
  }, []);
  return { busy, error, run };
}
