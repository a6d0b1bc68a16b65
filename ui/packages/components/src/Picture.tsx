/** The icon of a ZApp, drawn: many machines have no font with the characters that icons are written with. */

import type { ReactElement } from 'react';
import { BY_CHARACTER, LINES } from './pictures.js';

export interface PictureProps {
  readonly icon: string;
  readonly title: string;
}

/** Has no meaning of its own: the title stands beside it. Of what is not drawn, the title's initial. */
export function Picture({ icon, title }: PictureProps): ReactElement {
  const character = [...icon.trim()][0] ?? '';
  const lines = LINES[BY_CHARACTER[character] ?? ''];
  const about = {
    className: 'zoe-picture',
    viewBox: '0 0 24 24',
    fill: 'none',
    stroke: 'currentColor',
    strokeWidth: 1.6,
    strokeLinejoin: 'round',
    strokeLinecap: 'round',
    'aria-hidden': true,
    focusable: false,
  } as const;
  if (lines !== undefined) {
    return <svg {...about} dangerouslySetInnerHTML={{ __html: lines }} />;
  }
  const initial = [...title].find((each) => /[\p{L}\p{N}]/u.test(each)) ?? '?';
  return (
    <svg {...about}>
      <rect x="2.5" y="2.5" width="19" height="19" rx="5" />
      <text x="12" y="16.2" fontSize="12" textAnchor="middle" fill="currentColor" stroke="none">
        {initial.toUpperCase()}
      </text>
    </svg>
  );
}
