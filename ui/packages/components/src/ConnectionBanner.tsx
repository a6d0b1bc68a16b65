/** Says when what is shown may be old, and lets it be tried again at once. */

import type { ReactElement } from 'react';
import { formatSeconds, type ConnectionState } from '@zoe-jupyter/api';
import { useNow } from './hooks.js';
import { useTexts } from './texts.js';

export interface ConnectionBannerProps {
  readonly connection: ConnectionState;
  /** Whether anything is shown that may be old. */
  readonly loaded: boolean;
  readonly onRetry: () => void;
}

export function ConnectionBanner({ connection, loaded, onRetry }: ConnectionBannerProps): ReactElement {
  const trans = useTexts();
  const waiting = connection.kind === 'waiting';
  const now = useNow(waiting);
  return (
    <div className="zoe-connection" role="status">
      {waiting && (
        <p className="zoe-banner">
          <span>
            {connection.reason} {loaded && `${trans.__('What is shown may be old; what runs keeps running.')} `}
            {/* Not read out with every second. */}
            <span aria-hidden="true">
              {trans.__('The next attempt is in %1.', formatSeconds((connection.retryAt - now) / 1000))}
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
