/** What several components need of React. */

import { useCallback, useEffect, useState, useSyncExternalStore } from 'react';
import type { ConnectionState, ExecutionsStore, Snapshot } from '@zoe-jupyter/api';

export function useSnapshot(store: ExecutionsStore): Snapshot {
  return useSyncExternalStore(store.subscribe, store.current);
}

const CLOSED: ConnectionState = { kind: 'closed' };
const untold = () => (): void => undefined;

/** Without a store, as one that is not connected to anything. */
export function useConnection(store: ExecutionsStore | null): ConnectionState {
  return useSyncExternalStore(store?.subscribe ?? untold, () => store?.current().connection ?? CLOSED);
}

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
