/** Everything that is attached to one notebook. */

import type { ReactElement } from 'react';
import { hasEnded } from '@zoe-jupyter/api';
import { FollowedCard, type FollowedCardProps } from './FollowedCard.js';
import { useSnapshot } from './hooks.js';
import { useTexts } from './texts.js';

export interface AttachedCardsProps extends Omit<FollowedCardProps, 'id' | 'name'> {
  /** The notebook's kernel, whose identifier a restart does not change. */
  readonly kernel: string;
}

export function AttachedCards({ kernel, ...rest }: AttachedCardsProps): ReactElement {
  const trans = useTexts();
  const snapshot = useSnapshot(rest.store);
  const attached = snapshot.executions.filter((each) => each.attachment?.kernel === kernel && !hasEnded(each));
  if (attached.length === 0) {
    return (
      <p className="zoe-quiet" role="status">
        {snapshot.loaded ? trans.__('Nothing is attached to this notebook.') : trans.__('Reading what runs…')}
      </p>
    );
  }
  return (
    <>
      {attached.map((each) => (
        <FollowedCard key={each.id} {...rest} id={each.id} name={each.name} />
      ))}
    </>
  );
}
