/** One execution: how it is, why, and what can be done about it. */

import { memo, useId, useState, type ReactElement } from 'react';
import { bringsServer, hasEnded, isEnding, workersOf, type Execution, type Page, type Sample } from '@zoe-jupyter/api';
import { AdaptForm } from './AdaptForm.js';
import { useDoing, useNow } from './hooks.js';
import { Menu, type Choice } from './Menu.js';
import { explanation, holdings, sizes, stateWord } from './sentences.js';
import { Sparkline } from './Sparkline.js';
import { StartProgress } from './StartProgress.js';
import { useTexts } from './texts.js';
import { WorkerScale } from './WorkerScale.js';

/** What the host does with an execution; what it cannot do is left out, and is not offered. */
export interface ExecutionActions {
  readonly scale?: (execution: Execution, parameter: string, number: number) => Promise<unknown>;
  readonly terminate?: (execution: Execution) => void;
  /** Take an end back that was not sent yet. */
  readonly undo?: (execution: Execution) => void;
  /** Send it without waiting any longer. */
  readonly endNow?: (execution: Execution) => void;
  readonly detach?: (execution: Execution) => Promise<unknown>;
  readonly keep?: (execution: Execution) => Promise<unknown>;
  /** Let the number of its workers follow its load between two bounds. */
  readonly adapt?: (execution: Execution, minimum: number, maximum: number) => Promise<unknown>;
  readonly stopAdapting?: (execution: Execution) => Promise<unknown>;
  /** Choose what is to take its place. */
  readonly swap?: (execution: Execution) => void;
  readonly openPage?: (execution: Execution, page: Page) => void;
  readonly openLogs?: (execution: Execution) => void;
  readonly insertCode?: (execution: Execution) => void;
  readonly openNotebook?: (execution: Execution) => void;
  /** Show one that has ended no more. */
  readonly forget?: (execution: Execution) => void;
}

export interface ExecutionCardProps {
  readonly execution: Execution;
  readonly samples: readonly Sample[];
  /** How few and how many workers may be asked for. */
  readonly minimum: number;
  readonly maximum: number;
  /** The notebook that it is attached to, as people call it; empty: none that is known here. */
  readonly notebook: string;
  /** Until when (as `Date.now`) an end that was asked for can be taken back. */
  readonly undoUntil: number | null;
  readonly actions: ExecutionActions;
}

export const ExecutionCard = memo(function ExecutionCard(props: ExecutionCardProps): ReactElement {
  const { execution, samples, notebook, undoUntil } = props;
  const trans = useTexts();
  const title = useId();
  const ended = hasEnded(execution);
  const server = bringsServer(execution);
  const lines = ended
    ? [execution.reason]
    : [sizes(execution, trans), explanation(execution, trans), holdings(execution, trans)];
  return (
    <article className="zoe-card" aria-labelledby={title} data-state={execution.state}>
      <header className="zoe-card-header">
        <h3 id={title} title={execution.name}>
          {execution.name}
        </h3>
        <span className="zoe-state" data-state={execution.state}>
          {stateWord(execution.state, trans)}
        </span>
      </header>
      <p className="zoe-quiet">
        {execution.plan.title || execution.zapp}
        {notebook !== '' && (
          <>
            {' · '}
            <Notebook {...props} />
          </>
        )}
        {execution.attachment === null && !ended && !server && ` · ${trans.__('attached to no notebook')}`}
        {server && !ended && ` · ${trans.__('your server, which the Hub’s home page stops')}`}
      </p>
      <div className="zoe-card-figures">
        <div role="status">
          {lines
            .filter((line) => line !== '')
            .map((line) => (
              <p key={line}>{line}</p>
            ))}
        </div>
        {!ended && <Trend samples={samples} />}
      </div>
      <StartProgress execution={execution} />
      <Live execution={execution} />
      <Ending execution={execution} />
      {undoUntil !== null ? <Undo {...props} until={undoUntil} /> : <Actions {...props} />}
    </article>
  );
});

function Trend({ samples }: { samples: readonly Sample[] }): ReactElement | null {
  return <Sparkline samples={samples} now={useNow(false)} />;
}

function Notebook({ execution, notebook, actions }: ExecutionCardProps): ReactElement {
  const trans = useTexts();
  const { openNotebook } = actions;
  if (!openNotebook) {
    return <>{notebook}</>;
  }
  return (
    <button
      type="button"
      className="zoe-link"
      title={trans.__('Show the notebook')}
      onClick={() => openNotebook(execution)}
    >
      {notebook}
    </button>
  );
}

/** What the framework itself counts, such as running and waiting tasks. */
function Live({ execution }: { execution: Execution }): ReactElement | null {
  const trans = useTexts();
  const { running, waiting } = execution.live;
  const figures: string[] = [];
  if (typeof running === 'number') {
    figures.push(trans._n('%1 task running', '%1 tasks running', running));
  }
  if (typeof waiting === 'number') {
    figures.push(
      running === undefined
        ? trans._n('%1 task waiting', '%1 tasks waiting', waiting)
        : trans.__('%1 waiting', waiting),
    );
  }
  return figures.length === 0 || hasEnded(execution) ? null : <p className="zoe-quiet">{figures.join(' · ')}</p>;
}

/** That its time is nearly up, and what can be done about that; and that its size follows its load. */
function Ending({ execution }: { execution: Execution }): ReactElement | null {
  const trans = useTexts();
  const { expires, why, advice } = execution.life;
  const adaptation = execution.adaptation;
  if (hasEnded(execution)) {
    return null;
  }
  return (
    <>
      {adaptation !== null && (
        <p className="zoe-quiet zoe-said">
          {trans.__('follows its load, from %1 to %2', adaptation.minimum, adaptation.maximum)}
          {execution.adapted !== '' && ` · ${execution.adapted}`}
        </p>
      )}
      {expires !== null && (
        <p className="zoe-warning">
          {trans.__('Ends at %1', new Date(expires).toLocaleTimeString())}
          {why !== '' && `: ${why}`}
          {advice !== '' && `; ${advice}`}
        </p>
      )}
    </>
  );
}

function Undo({ execution, actions, until }: ExecutionCardProps & { until: number }): ReactElement {
  const trans = useTexts();
  const left = Math.max(0, Math.ceil((until - useNow(true)) / 1000));
  return (
    <p className="zoe-banner" role="alert" data-lm-suppress-shortcuts="true">
      <span>
        {trans.__('It will be terminated')} <span aria-hidden="true">{trans.__('in %1 s', left)}</span>
      </span>
      <button type="button" className="zoe-button" autoFocus onClick={() => actions.undo?.(execution)}>
        {trans.__('Undo')}
      </button>
      {actions.endNow && (
        <button type="button" className="zoe-button" onClick={() => actions.endNow?.(execution)}>
          {trans.__('Now')}
        </button>
      )}
    </p>
  );
}

function Actions({ execution, minimum, maximum, actions }: ExecutionCardProps): ReactElement {
  const trans = useTexts();
  const doing = useDoing();
  const [scaling, setScaling] = useState(false);
  const [adapting, setAdapting] = useState(false);
  const workers = workersOf(execution);
  const ended = hasEnded(execution);
  const over = isEnding(execution);
  // Its life is the Hub's, and so is what the server itself writes.
  const server = bringsServer(execution);
  const writes = execution.plan.processes.some((process) => process.placement !== 'server');
  const { scale, adapt, stopAdapting, swap, terminate, detach, keep, openPage, openLogs, insertCode, forget } = actions;
  const change = (action: (execution: Execution) => Promise<unknown>): void => doing.run(() => action(execution));
  const attached = execution.attachment !== null;
  const connect: Choice | null =
    insertCode && execution.plan.attachable && !over
      ? { label: trans.__('Insert code'), onChoose: () => insertCode(execution) }
      : null;
  const [first, ...others] = execution.ui;
  const rarer: Choice[] = [];
  if (openPage) {
    rarer.push(...others.map((page) => ({ label: page.title, onChoose: () => openPage(execution, page) })));
  }
  if (connect && attached) {
    rarer.push(connect);
  }
  if (adapt && workers !== null && execution.adaptation === null && !adapting && !over) {
    rarer.push({ label: trans.__('Follow load…'), onChoose: () => setAdapting(true) });
  }
  if (stopAdapting && execution.adaptation !== null && !over) {
    rarer.push({ label: trans.__('Keep this size'), onChoose: () => change(stopAdapting) });
  }
  if (swap && execution.plan.attachable && attached && !server && !over) {
    rarer.push({ label: trans.__('Swap…'), onChoose: () => swap(execution) });
  }
  if (detach && attached && !server && !over) {
    rarer.push({ label: trans.__('Detach'), onChoose: () => change(detach) });
  }
  return (
    <>
      {scale && workers !== null && !over && (
        <WorkerScale
          workers={workers}
          minimum={minimum}
          maximum={Math.max(maximum, workers.asked)}
          busy={scaling}
          onScale={(number) => {
            setScaling(true);
            doing.run(() => scale(execution, workers.parameter, number).finally(() => setScaling(false)));
          }}
        />
      )}
      {adapt && adapting && workers !== null && !over && (
        <AdaptForm
          workers={workers}
          minimum={minimum}
          maximum={maximum}
          busy={doing.busy}
          onAdapt={(low, high) => doing.run(() => adapt(execution, low, high).then(() => setAdapting(false)))}
          onCancel={() => setAdapting(false)}
        />
      )}
      {/* A notebook takes letters for its cells: D, D deletes one. */}
      <div
        className="zoe-actions"
        role="group"
        aria-label={trans.__('Actions on %1', execution.name)}
        data-lm-suppress-shortcuts="true"
      >
        {keep && execution.life.expires !== null && execution.plan.lifetime.keep > 0 && !over && (
          <Button onClick={() => change(keep)}>{trans.__('Keep it')}</Button>
        )}
        {openPage && first && <Button onClick={() => openPage(execution, first)}>{first.title}</Button>}
        {openLogs && writes && <Button onClick={() => openLogs(execution)}>{trans.__('Logs')}</Button>}
        {connect && !attached && <Button onClick={connect.onChoose}>{connect.label}</Button>}
        {rarer.length > 0 && <Menu label={trans.__('More')} choices={rarer} />}
        {terminate && !server && !over && (
          <Button danger onClick={() => terminate(execution)}>
            {trans.__('Terminate')}
          </Button>
        )}
        {forget && ended && <Button onClick={() => forget(execution)}>{trans.__('Dismiss')}</Button>}
      </div>
      {doing.error !== '' && (
        <p className="zoe-error" role="alert">
          {doing.error}
        </p>
      )}
    </>
  );
}

interface ButtonProps {
  readonly onClick: () => void;
  readonly danger?: boolean;
  readonly children: string;
}

function Button({ onClick, danger, children }: ButtonProps): ReactElement {
  return (
    <button type="button" className={danger ? 'zoe-button zoe-danger' : 'zoe-button'} onClick={onClick}>
      {children}
    </button>
  );
}
