/** Text of ZApps, in which `code` is marked by backticks. */

import { Fragment, type ReactElement } from 'react';

export function Prose({ text }: { text: string }): ReactElement {
  const parts = text.split(/`([^`\n]+)`/);
  return (
    <>
      {parts.map((part, index) =>
        index % 2 === 1 ? <code key={index}>{part}</code> : <Fragment key={index}>{part}</Fragment>,
      )}
    </>
  );
}
