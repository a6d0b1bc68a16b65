/** What anywidget calls. */

import { createRoot } from 'react-dom/client';
import { Card } from './Card.js';
import type { Model } from './link.js';

/** Shows the card in `el`; returns how to take it away. */
export function render({ model, el }: { model: Model; el: HTMLElement }): () => void {
  const root = createRoot(el);
  root.render(<Card model={model} />);
  return () => root.unmount();
}
