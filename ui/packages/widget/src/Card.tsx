/** The card of one cluster, fed by the kernel. */

import { useEffect, useMemo, useRef, useState, useSyncExternalStore, type ReactElement } from 'react';
import { Terminations, workersOf, type Sample } from '@zoe-jupyter/api';
import { ExecutionCard, Logs, useTexts, type ExecutionActions } from '@zoe-jupyter/components';
import { Link, type Model } from './link.js';
import { SwapForm } from './SwapForm.js';

/** The kernel does not know what the ZApp allows; the service says no to more. */
const MOST = 10;
const SAMPLES = 120;

export function Card({ model }: { model: Model }): ReactElement {
  const trans = useTexts();
  const away = trans.__('The kernel does not answer: it may have been restarted. Show the cluster again in a cell.');
  const link = useMemo(() => new Link(model, away), [model, away]);
  useEffect(() => () => link.dispose(), [link]);
  const execution = useSyncExternalStore(link.subscribe, link.current);
  const old = useSyncExternalStore(link.subscribeAway, link.serviceAway);
  const [failed, setFailed] = useState('');
  /** What is open below the card. */
  const [open, setOpen] = useState<'' | 'logs' | 'swap'>('');
  const terminations = useMemo(
    () =>
      new Terminations(
        { terminate: () => link.ask({ do: 'terminate' }).then(link.current) },
        {
          onSent: () => undefined,
          onFailed: (_, error) => setFailed(error instanceof Error ? error.message : String(error)),
        },
      ),
    [link],
  );
  const pending = useSyncExternalStore(terminations.subscribe, terminations.current);
  const actions = useMemo(
    (): ExecutionActions => ({
      scale: (_, __, number) => link.ask({ do: 'scale', number }),
      keep: (of) => link.ask({ do: 'keep', number: of.plan.lifetime.keep }),
      adapt: (_, minimum, maximum) => link.ask({ do: 'adapt', minimum, maximum }),
      detach: () => link.ask({ do: 'detach' }),
      stopAdapting: () => link.ask({ do: 'stop_adapting' }),
      openLogs: () => setOpen((before) => (before === 'logs' ? '' : 'logs')),
      swap: () => setOpen((before) => (before === 'swap' ? '' : 'swap')),
      openPage: (_, page) => void window.open(page.url, '_blank', 'noopener'),
      terminate: (of) => {
        setFailed('');
        terminations.request(of);
      },
      undo: (of) => void terminations.undo(of.id),
      endNow: (of) => void terminations.now(of.id),
    }),
    [link, terminations],
  );
  const samples = useRef<readonly Sample[]>([]);
  const shown = useRef(execution.id);
  if (shown.current !== execution.id) {
    // Another one took its place.
    shown.current = execution.id;
    samples.current = [];
  }
  const workers = workersOf(execution);
  const last = samples.current.at(-1);
  if (workers !== null && (last?.asked !== workers.asked || last.ready !== workers.ready)) {
    const sample = { time: Date.now(), asked: workers.asked, ready: workers.ready };
    samples.current = [...samples.current, sample].slice(-SAMPLES);
  }
  return (
    <div className="zoe zoe-widget">
      <div role="status">
        {old && (
          <p className="zoe-banner">
            <span>
              {trans.__('Zoe’s service does not answer.')}{' '}
              {trans.__('What is shown may be old; what runs keeps running.')} {trans.__('Trying again…')}
            </span>
          </p>
        )}
      </div>
      <ExecutionCard
        execution={execution}
        samples={samples.current}
        minimum={0}
        maximum={Math.max(MOST, 2 * (workers?.asked ?? 0))}
        notebook=""
        undoUntil={pending.get(execution.id) ?? null}
        actions={actions}
      />
      {failed !== '' && (
        <p className="zoe-error" role="alert">
          {failed}
        </p>
      )}
      {open === 'swap' && <SwapForm key={execution.id} link={link} old={execution} onClose={() => setOpen('')} />}
      {open === 'logs' && (
        <div className="zoe-card-logs" data-lm-suppress-shortcuts="true">
          <Logs key={execution.id} client={link} execution={execution} store={null} />
        </div>
      )}
    </div>
  );
}
