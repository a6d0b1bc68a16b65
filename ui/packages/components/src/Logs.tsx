/** What an execution's instances write: as it comes, searched, downloaded. */

import { useDeferredValue, useEffect, useMemo, useRef, useState, type ReactElement } from 'react';
import { lossIn, type Execution, type ExecutionsStore, type ZoeClient } from '@zoe-jupyter/api';
import { lossSentence } from './ConnectionBanner.js';
import { useConnection } from './hooks.js';
import { useTexts } from './texts.js';

/** Lines that are held, the newest. */
const KEPT = 5000;
/** Milliseconds between two pictures of what arrives. */
const REDRAW = 100;

/** Who gives what is written. */
export type LogSource = Pick<ZoeClient, 'logs'>;

export interface LogsProps {
  readonly client: LogSource;
  readonly execution: Execution;
  /** Who knows how the connection is: nobody tells of a log that its line was cut. Null: nobody does. */
  readonly store: ExecutionsStore | null;
}

export function Logs({ client, execution, store }: LogsProps): ReactElement {
  const trans = useTexts();
  const [chosen, setChosen] = useState('');
  const [wanted, setWanted] = useState('');
  const [attempt, setAttempt] = useState(0);
  const [following, setFollowing] = useState(true);
  const { lines, state } = useLines(client, execution.id, chosen, attempt);
  const connection = useConnection(store);
  const lost = lossIn(connection);
  const stale = useRef(false);
  useEffect(() => {
    if (connection.kind !== 'live') {
      // A connection that is exchanged for another one without a loss leaves a log as it is, unless that breaks, too.
      stale.current ||= lost !== null || state.kind === 'broken';
    } else if (stale.current) {
      stale.current = false;
      setAttempt((before) => (state.kind === 'ended' ? before : before + 1));
    }
  }, [connection.kind, lost, state.kind]);
  const search = useDeferredValue(wanted.toLowerCase());
  const shown = useMemo(
    () => (search === '' ? lines : lines.filter((line) => line.toLowerCase().includes(search))),
    [lines, search],
  );
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (following && box.current) {
      box.current.scrollTop = box.current.scrollHeight;
    }
  }, [shown, following]);
  const instances = execution.instances.map((each) => `${each.process}/${each.ordinal}`);
  return (
    <div className="zoe zoe-logs">
      <div className="zoe-logs-bar">
        <select
          className="zoe-input"
          aria-label={trans.__('Instance')}
          value={chosen}
          onChange={(event) => setChosen(event.target.value)}
        >
          <option value="">{trans.__('All instances')}</option>
          {instances.map((each) => (
            <option key={each} value={each}>
              {each.replace('/', ' ')}
            </option>
          ))}
        </select>
        <input
          type="search"
          className="zoe-input zoe-search"
          placeholder={trans.__('Search')}
          aria-label={trans.__('Search the logs')}
          value={wanted}
          onChange={(event) => setWanted(event.target.value)}
        />
        <label>
          <input type="checkbox" checked={following} onChange={(event) => setFollowing(event.target.checked)} />{' '}
          {trans.__('Follow')}
        </label>
        <button
          type="button"
          className="zoe-button"
          disabled={lines.length === 0}
          onClick={() => download(`${execution.name}.log`, lines)}
        >
          {trans.__('Download')}
        </button>
        <span className="zoe-quiet" role="status">
          {search !== '' && trans._n('%1 line', '%1 lines', shown.length)}
        </span>
      </div>
      {state.kind === 'broken' && (
        <p className="zoe-banner" role="alert">
          <span>{state.reason}</span>
          <button type="button" className="zoe-button" onClick={() => setAttempt(attempt + 1)}>
            {trans.__('Try again')}
          </button>
        </p>
      )}
      {state.kind === 'open' && lost !== null && (
        <p className="zoe-banner" role="alert">
          <span>
            {lossSentence(lost, trans)} {trans.__('The logs go on when there is a connection again.')}
          </span>
        </p>
      )}
      <div
        ref={box}
        className="zoe-logs-text"
        role="region"
        tabIndex={0}
        aria-label={trans.__('Logs of %1', execution.name)}
      >
        <pre>{shown.join('\n')}</pre>
      </div>
      {shown.length === 0 && state.kind !== 'broken' && (
        <p className="zoe-quiet" role="status">
          {search !== '' ? trans.__('No line matches.') : trans.__('Nothing was written yet.')}
        </p>
      )}
    </div>
  );
}

type State = { readonly kind: 'open' } | { readonly kind: 'ended' } | { readonly kind: 'broken'; reason: string };

function useLines(
  client: LogSource,
  id: string,
  chosen: string,
  attempt: number,
): { lines: readonly string[]; state: State } {
  const [lines, setLines] = useState<readonly string[]>([]);
  const [state, setState] = useState<State>({ kind: 'open' });
  useEffect(() => {
    const stop = new AbortController();
    setLines([]);
    setState({ kind: 'open' });
    const [process, ordinal] = chosen.split('/');
    const wish = process && ordinal ? { process, ordinal: Number(ordinal) } : {};
    let held: string[] = [];
    let rest = '';
    let drawn = true;
    const draw = (): void => {
      if (!drawn && !stop.signal.aborted) {
        drawn = true;
        setLines(rest === '' ? [...held] : [...held, rest]);
      }
    };
    const timer = setInterval(draw, REDRAW);
    const read = async (): Promise<void> => {
      for await (const text of client.logs(id, { ...wish, follow: true, tail: KEPT }, stop.signal)) {
        const parts = (rest + text).split('\n');
        rest = parts.pop() ?? '';
        held = [...held, ...parts].slice(-KEPT);
        drawn = false;
      }
      draw();
      setState({ kind: 'ended' });
    };
    read().catch((error: unknown) => {
      if (!stop.signal.aborted) {
        draw();
        setState({ kind: 'broken', reason: error instanceof Error ? error.message : String(error) });
      }
    });
    return () => {
      stop.abort();
      clearInterval(timer);
    };
  }, [client, id, chosen, attempt]);
  return { lines, state };
}

function download(name: string, lines: readonly string[]): void {
  const address = URL.createObjectURL(new Blob([lines.join('\n') + '\n'], { type: 'text/plain' }));
  const link = document.createElement('a');
  link.href = address;
  link.download = name;
  link.click();
  URL.revokeObjectURL(address);
}
