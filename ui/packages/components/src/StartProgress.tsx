/** A start, stage by stage, with the time that each has taken. */

import type { ReactElement } from 'react';
import { formatSeconds, type Execution } from '@zoe-jupyter/api';
import { useNow } from './hooks.js';
import { useTexts } from './texts.js';

type Status = 'done' | 'now' | 'next';

interface Stage {
  readonly name: string;
  readonly status: Status;
  readonly seconds: number | null;
}

/** Nothing for what runs, or has ended without having begun. */
export function StartProgress({ execution }: { execution: Execution }): ReactElement | null {
  const trans = useTexts();
  const under = execution.state === 'queued' || execution.state === 'starting';
  const now = useNow(under);
  if (!under) {
    return null;
  }
  const names = [trans.__('waiting'), trans.__('starting'), trans.__('running')] as const;
  const stages = stagesOf(execution, now, names);
  const words = { done: trans.__('done'), now: trans.__('now'), next: trans.__('to come') };
  return (
    <ol className="zoe-stages" aria-label={trans.__('Progress of the start')}>
      {stages.map((stage) => (
        <li key={stage.name} data-status={stage.status} aria-current={stage.status === 'now' ? 'step' : undefined}>
          <span>{stage.name}</span>
          <span className="zoe-hidden">{`, ${words[stage.status]}`}</span>
          {stage.seconds !== null && <span className="zoe-seconds"> {formatSeconds(stage.seconds)}</span>}
        </li>
      ))}
    </ol>
  );
}

function stagesOf(execution: Execution, now: number, names: readonly [string, string, string]): readonly Stage[] {
  const created = Date.parse(execution.created);
  const starts = execution.instances
    .map((instance) => (instance.started ? Date.parse(instance.started) : NaN))
    .filter((time) => !Number.isNaN(time));
  const waiting = execution.state === 'queued';
  const began = waiting ? null : Math.max(created, starts.length > 0 ? Math.min(...starts) : created);
  // The clocks of browser and service may differ.
  const seconds = (from: number, to: number): number => Math.max(0, (to - from) / 1000);
  return [
    { name: names[0], status: waiting ? 'now' : 'done', seconds: seconds(created, began ?? now) },
    { name: names[1], status: waiting ? 'next' : 'now', seconds: began === null ? null : seconds(began, now) },
    { name: names[2], status: 'next', seconds: null },
  ];
}
