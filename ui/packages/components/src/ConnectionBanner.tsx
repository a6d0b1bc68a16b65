/** Says when what is shown may be old, and why, and lets it be tried again at once. */

import type { ReactElement } from 'react';
import { formatSeconds, lossIn, type ConnectionState, type Loss } from '@zoe-jupyter/api';
import { useNow } from './hooks.js';
import { useTexts, type Texts } from './texts.js';

export interface ConnectionBannerProps {
  readonly connection: ConnectionState;
  /** Whether anything is shown that may be old. */
  readonly loaded: boolean;
  readonly onRetry: () => void;
}

/** Stays from the loss of a connection until there is one again, so that it does not come and go with the attempts. */
export function ConnectionBanner({ connection, loaded, onRetry }: ConnectionBannerProps): ReactElement {
  const trans = useTexts();
  const lost = lossIn(connection);
  const waiting = connection.kind === 'waiting';
  const now = useNow(waiting);
  return (
    <div className="zoe-connection" role="status">
      {lost !== null && (
        <p className="zoe-banner">
          <span>
            {lossSentence(lost, trans)} {loaded && `${trans.__('What is shown may be old; what runs keeps running.')} `}
            {/* Not read out with every second. */}
            <span aria-hidden="true">
              {waiting
                ? trans.__('The next attempt is in %1.', formatSeconds((connection.retryAt - now) / 1000))
                : trans.__('Trying again…')}
            </span>
          </span>
          <button type="button" className="zoe-button" onClick={onRetry}>
            {trans.__('Try now')}
          </button>
        </p>
      )}
    </div>
  );
}

/** What is wrong with the connection, as far as it is known. */
export function lossSentence(lost: Loss, trans: Texts): string {
  switch (lost.why) {
    case 'offline':
      return trans.__('This browser is offline.');
    case 'unreachable':
      return trans.__('The Jupyter server does not answer.');
    case 'silent':
      return trans.__('Nothing is heard of the service.');
    case 'closed':
      return trans.__('The connection was closed.');
    case 'refused':
      return lost.said;
  }
}
