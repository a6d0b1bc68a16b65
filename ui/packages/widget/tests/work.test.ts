import { render, type Work, type WorkModel } from '../src/work.js';

class FakeModel implements WorkModel {
  readonly sent: unknown[] = [];
  private callback: () => void = () => undefined;

  constructor(private work: Partial<Work>) {}

  get(): Partial<Work> {
    return this.work;
  }

  on(_: string, callback: () => void): void {
    this.callback = callback;
  }

  off(): void {
    this.callback = () => undefined;
  }

  send(content: unknown): void {
    this.sent.push(content);
  }

  move(work: Partial<Work>): void {
    this.work = { ...this.work, ...work };
    this.callback();
  }
}

const WORK: Work = {
  name: 'spark-1',
  tasks: 12,
  completed: 9,
  sentence: '9 of 12 tasks · 2 running',
  stages: [{ id: 1, tasks: 4, completed: 1, bytes: '1 GiB' }],
  more: 2,
  cancel: true,
};

function shown(work: Partial<Work>): { el: HTMLElement; model: FakeModel; end: () => void } {
  const el = document.createElement('div');
  const model = new FakeModel(work);
  return { el, model, end: render({ model, el }) };
}

test('tasks of all stages, and those at work, follow the kernel', () => {
  const { el, model } = shown(WORK);
  expect(el.textContent).toContain('9 of 12 tasks · 2 running');
  expect(el.textContent).toContain('stage 1: 1 of 4 tasks · 1 GiB read');
  expect(el.textContent).toContain('and 2 more');
  model.move({ completed: 12, sentence: '12 of 12 tasks', stages: [], more: 0 });
  expect(el.querySelector('progress')?.value).toBe(12);
  expect(el.querySelectorAll('li')).toHaveLength(0);
});

test('of a stage that has read nothing, no bytes are told', () => {
  const { el } = shown({ ...WORK, stages: [{ id: 3, tasks: 12, completed: 9, bytes: '0 B' }], more: 0 });
  expect([...el.querySelectorAll('li')].map((each) => each.textContent)).toEqual(['stage 3: 9 of 12 tasks']);
});

test('cancel is asked for once', () => {
  const { el, model } = shown(WORK);
  el.querySelector('button')?.click();
  el.querySelector('button')?.click();
  expect(model.sent).toEqual([{ do: 'cancel' }]);
  expect(el.querySelector('button')?.textContent).toBe('Cancelling…');
});

test('what cannot be cancelled has no button, and an end takes all away', () => {
  const { el, end } = shown({ ...WORK, cancel: false });
  expect(el.querySelector('button')?.hidden).toBe(true);
  end();
  expect(el.textContent).toBe('');
});
