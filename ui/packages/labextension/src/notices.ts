/** What people are told of though they look elsewhere: failed, shrunk, about to go. */

import { hasEnded, type Execution, type ZoeEvent } from '@zoe-jupyter/api';
import type { Texts } from '@zoe-jupyter/components';

export interface Notice {
  readonly kind: 'error' | 'warning' | 'info';
  readonly text: string;
  readonly execution: string;
}

/** Null: nothing that anybody has to be told of. */
export function noticeOf(event: ZoeEvent, execution: Execution | null, trans: Texts): Notice | null {
  if (execution === null) {
    return null;
  }
  const about = { execution: execution.id };
  const reason = typeof event.data['reason'] === 'string' ? event.data['reason'] : '';
  switch (event.kind) {
    case 'execution.state_changed':
      return event.data['after'] === 'failed'
        ? { ...about, kind: 'error', text: sentence(trans.__('%1 failed', execution.name), execution.reason) }
        : null;
    case 'execution.granted':
      // Without a reason it was its owner's own wish.
      return reason === '' || hasEnded(execution)
        ? null
        : { ...about, kind: 'info', text: trans.__('%1 has %2.', execution.name, reason.replace(/\.$/, '')) };
    case 'execution.expiring': {
      const { expires, why, advice } = execution.life;
      if (expires === null) {
        return null;
      }
      const time = new Date(expires).toLocaleTimeString();
      const ends = sentence(trans.__('%1 ends at %2', execution.name, time), why);
      return { ...about, kind: 'warning', text: advice === '' ? ends : `${ends} ${capitalised(advice)}.` };
    }
    default:
      return null;
  }
}

function sentence(what: string, why: string): string {
  return why === '' ? `${what}.` : `${what}: ${why.replace(/\.$/, '')}.`;
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
