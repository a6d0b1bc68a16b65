/** How a number came and went, as a small step line. */

import type { ReactElement } from 'react';
import type { Sample } from '@zoe-jupyter/api';
import { useTexts } from './texts.js';

const WIDTH = 48;
const HEIGHT = 18;
/** The part of the width that the newest number has at least. */
const LAST = 0.15;

/** `now`: the moment at its right end, as `Date.now`. Nothing is drawn before there are two numbers to compare. */
export function Sparkline({ samples, now }: { samples: readonly Sample[]; now: number }): ReactElement | null {
  const trans = useTexts();
  const first = samples[0];
  const last = samples.at(-1);
  if (first === undefined || last === undefined || samples.length < 2) {
    return null;
  }
  const highest = Math.max(1, ...samples.map((sample) => Math.max(sample.asked, sample.ready)));
  // What came last keeps some of the width, so that it is seen also when it came just now.
  const span = Math.max(now - first.time, (last.time - first.time) / (1 - LAST), 1);
  const x = (time: number): number => round(((time - first.time) / span) * WIDTH);
  const y = (value: number): number => round(HEIGHT - 1 - (value / highest) * (HEIGHT - 2));
  const line = (read: (sample: Sample) => number): string => {
    const steps = samples.map((sample, index) =>
      index === 0 ? `M0,${y(read(sample))}` : `H${x(sample.time)}V${y(read(sample))}`,
    );
    return `${steps.join('')}H${WIDTH}`;
  };
  const label = trans.__('Workers ready since they are watched: from %1 to %2', first.ready, last.ready);
  return (
    <svg className="zoe-sparkline" width={WIDTH} height={HEIGHT} role="img" aria-label={label}>
      <path className="zoe-sparkline-asked" d={line((sample) => sample.asked)} />
      <path className="zoe-sparkline-ready" d={line((sample) => sample.ready)} />
    </svg>
  );
}

const round = (value: number): number => Math.round(value * 10) / 10;
