/** Tells those who do not see it what has become of executions. */

import { useEffect, useRef, useState, type ReactElement } from 'react';
import type { Execution } from '@zoe-jupyter/api';
import { stateWord } from './sentences.js';
import { useTexts } from './texts.js';

/** Of more at once, only how many they are. */
const NAMED = 3;

export function Announcements({ executions }: { executions: readonly Execution[] }): ReactElement {
  const trans = useTexts();
  const known = useRef<ReadonlyMap<string, string>>(new Map());
  const [said, setSaid] = useState('');
  useEffect(() => {
    const before = known.current;
    known.current = new Map(executions.map((each) => [each.id, each.state]));
    const news = executions.filter((each) => before.has(each.id) && before.get(each.id) !== each.state);
    if (news.length > NAMED) {
      setSaid(trans._n('%1 cluster has changed', '%1 clusters have changed', news.length));
    } else if (news.length > 0) {
      setSaid(news.map((each) => trans.__('%1 is now: %2', each.name, stateWord(each.state, trans))).join('. '));
    }
  }, [executions, trans]);
  return (
    <div className="zoe-hidden" role="status" aria-live="polite">
      {said}
    </div>
  );
}
