/** What a cluster computes for a cell: an anywidget without React, as it comes and goes with every query. */

/** As `zoe_widgets.tasks.picture` makes it. */
export interface Work {
  readonly name: string;
  readonly tasks: number;
  readonly completed: number;
  readonly sentence: string;
  readonly stages: readonly {
    readonly id: number;
    readonly tasks: number;
    readonly completed: number;
    readonly bytes: string;
  }[];
  readonly more: number;
  readonly cancel: boolean;
}

export interface WorkModel {
  get(name: 'work'): Partial<Work>;
  on(event: 'change:work', callback: () => void): void;
  off(event: 'change:work', callback: () => void): void;
  send(content: unknown): void;
}

/** Shows it in `el`; returns how to take it away. */
export function render({ model, el }: { model: WorkModel; el: HTMLElement }): () => void {
  const root = make('div', 'zoe zoe-work');
  const line = root.appendChild(make('div', 'zoe-work-line'));
  const name = line.appendChild(make('b'));
  const bar = line.appendChild(document.createElement('progress'));
  const sentence = line.appendChild(make('span'));
  const button = line.appendChild(document.createElement('button'));
  button.type = 'button';
  button.className = 'zoe-button';
  button.textContent = 'Cancel';
  const stages = root.appendChild(make('ul', 'zoe-quiet'));
  const draw = (): void => {
    const work = model.get('work');
    name.textContent = work.name ?? '';
    bar.max = Math.max(1, work.tasks ?? 0);
    bar.value = work.completed ?? 0;
    bar.setAttribute('aria-label', `Tasks of ${work.name ?? ''}`);
    sentence.textContent = work.sentence ?? '';
    button.hidden = work.cancel !== true;
    button.setAttribute('aria-label', `Cancel what ${work.name ?? ''} computes`);
    const lines = (work.stages ?? []).map((stage) => {
      const read = stage.bytes === '0 B' ? '' : ` · ${stage.bytes} read`;
      return `stage ${stage.id}: ${stage.completed} of ${stage.tasks} tasks${read}`;
    });
    if (work.more) {
      lines.push(`and ${work.more} more`);
    }
    stages.replaceChildren(...lines.map((text) => Object.assign(make('li'), { textContent: text })));
  };
  button.addEventListener('click', () => {
    button.disabled = true;
    button.textContent = 'Cancelling…';
    model.send({ do: 'cancel' });
  });
  model.on('change:work', draw);
  draw();
  el.appendChild(root);
  return () => {
    model.off('change:work', draw);
    root.remove();
  };
}

function make(tag: 'div' | 'b' | 'span' | 'ul' | 'li', classes = ''): HTMLElement {
  const made = document.createElement(tag);
  made.className = classes;
  return made;
}
