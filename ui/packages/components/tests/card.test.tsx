import { act, cleanup, fireEvent, render, screen, waitFor, within } from '@testing-library/react';
import type { ReactElement } from 'react';
import { ExecutionCard, type ExecutionActions } from '../src/index.js';
import { execution, BOUNDS, process, ready, type Execution } from './fakes.js';

afterEach(cleanup);

const more = (): HTMLElement => screen.getByRole('button', { name: 'More' });

/** What the open menu offers; nothing: none is open. */
const items = (): (string | null)[] => screen.queryAllByRole('menuitem').map((each) => each.textContent);

function choose(label: string): void {
  fireEvent.click(more());
  fireEvent.click(screen.getByRole('menuitem', { name: label }));
}

function card(of: Execution, actions: ExecutionActions = {}, undoUntil: number | null = null): ReactElement {
  return (
    <ExecutionCard
      execution={of}
      samples={[]}
      {...BOUNDS}
      notebook=""
      undoUntil={undoUntil}
      actions={{ terminate: jest.fn(), scale: () => Promise.resolve(), ...actions }}
    />
  );
}

test('says how many workers are ready and granted, and why not more', () => {
  const waiting = execution({
    granted: { 'spark.worker': 1 },
    reason: 'no room for 1 more',
    instances: [ready('spark.worker', 0)],
  });
  render(card(waiting));
  expect(screen.getByText('workers: 1 ready, 1 of 2 granted')).toBeTruthy();
  expect(screen.getByText('no room for 1 more')).toBeTruthy();
});

test('of what waits, says when it starts and where the start is', () => {
  const outlook = { now: false, refused: false, ahead: 2, reason: 'no room', granted: {}, wait: 90 };
  render(card(execution({ state: 'queued', reason: 'no room', outlook })));
  expect(screen.getByText('no room · starts in about 1 min 30 s')).toBeTruthy();
  const stages = screen.getByRole('list', { name: 'Progress of the start' });
  expect(stages.querySelector('[aria-current=step]')?.textContent).toMatch(/^waiting, now/);
});

test('scales to the number that was typed, by Enter alone', async () => {
  const scale = jest.fn(() => Promise.resolve());
  render(card(execution(), { scale }));
  const field = screen.getByLabelText('number of workers');
  fireEvent.change(field, { target: { value: '5' } });
  fireEvent.submit(field);
  await waitFor(() => expect(scale).toHaveBeenCalledTimes(1));
  expect(scale).toHaveBeenCalledWith(expect.objectContaining({ id: 'e1' }), 'workers', 5);
});

test.each(['9', '-1', '1.5', ''])('a number of %p workers is refused with the bounds', (text) => {
  const scale = jest.fn(() => Promise.resolve());
  render(card(execution(), { scale }));
  const field = screen.getByLabelText('number of workers');
  fireEvent.change(field, { target: { value: text } });
  fireEvent.submit(field);
  expect(screen.getByRole('alert').textContent).toBe('A whole number from 0 to 8.');
  expect(scale).not.toHaveBeenCalled();
});

test('what the service refuses is shown where it was asked for', async () => {
  const scale = (): Promise<never> => Promise.reject(new Error('The quota of alice is 4 instances.'));
  render(card(execution(), { scale }));
  const field = screen.getByLabelText('number of workers');
  fireEvent.change(field, { target: { value: '5' } });
  fireEvent.submit(field);
  expect((await screen.findByRole('alert')).textContent).toBe('The quota of alice is 4 instances.');
});

test('an end that was asked for can be taken back, and nothing else is offered meanwhile', () => {
  const undo = jest.fn();
  const endNow = jest.fn();
  render(card(execution(), { undo, endNow }, Date.now() + 5000));
  expect(screen.getAllByRole('button').map((button) => button.textContent)).toEqual(['Undo', 'Now']);
  fireEvent.click(screen.getByRole('button', { name: 'Undo' }));
  expect(undo).toHaveBeenCalledTimes(1);
  fireEvent.click(screen.getByRole('button', { name: 'Now' }));
  expect(endNow).toHaveBeenCalledTimes(1);
});

test('what the framework counts is told in words that fit the number', () => {
  const { rerender } = render(card(execution({ live: { running: 1, waiting: 0 } })));
  expect(screen.getByText('1 task running · 0 waiting')).toBeTruthy();
  rerender(card(execution({ live: { running: 3, waiting: 4 } })));
  expect(screen.getByText('3 tasks running · 4 waiting')).toBeTruthy();
  rerender(card(execution({ live: { waiting: 1 } })));
  expect(screen.getByText('1 task waiting')).toBeTruthy();
});

test('what has ended says why, and can only be dismissed', () => {
  const forget = jest.fn();
  render(card(execution({ state: 'failed', reason: 'spark.master exited with 1' }), { forget }));
  expect(screen.getByText('spark.master exited with 1')).toBeTruthy();
  expect(screen.getAllByRole('button').map((button) => button.textContent)).toEqual(['Dismiss']);
});

test('what is about to end says when, why, and what helps', () => {
  const life = { ...execution().life, expires: '2026-01-01T12:00:00Z', why: 'idle for 1 hour', advice: 'use it' };
  render(card(execution({ life })));
  expect(screen.getByText(/^Ends at .*: idle for 1 hour; use it$/)).toBeTruthy();
});

test('follows its load between the bounds that were typed', async () => {
  const adapt = jest.fn(() => Promise.resolve());
  render(card(execution(), { adapt }));
  choose('Follow load…');
  const most = screen.getByLabelText('most workers');
  fireEvent.change(most, { target: { value: '0' } });
  expect(screen.getByRole('alert').textContent).toBe('Whole numbers from 1 to 8, the smaller one first.');
  fireEvent.change(most, { target: { value: '6' } });
  fireEvent.submit(most);
  await waitFor(() => expect(adapt).toHaveBeenCalledWith(expect.objectContaining({ id: 'e1' }), 1, 6));
  await waitFor(() => expect(screen.queryByLabelText('most workers')).toBeNull());
});

const attachment = { server: '', kernel: 'k1', outlive: false };

test('only what is attached can be swapped', () => {
  const swap = jest.fn();
  const adapt = (): Promise<unknown> => Promise.resolve();
  const { rerender } = render(card(execution({ attachment }), { swap, adapt }));
  choose('Swap…');
  expect(swap).toHaveBeenCalledTimes(1);
  rerender(card(execution({ attachment: null }), { swap, adapt }));
  fireEvent.click(more());
  expect(items()).toEqual(['Follow load…']);
});

test('what is done most is in sight, and the rest behind one button', () => {
  const page = (title: string): object => ({ process: 'spark.master', port: title, title, url: '/' });
  const ui = ['Spark master', 'History'].map(page) as unknown as Execution['ui'];
  const done = (): Promise<unknown> => Promise.resolve();
  const all = { openPage: jest.fn(), openLogs: jest.fn(), insertCode: jest.fn(), swap: jest.fn() };
  const { rerender } = render(card(execution({ attachment, ui }), { ...all, adapt: done, detach: done, keep: done }));
  const shown = (): string[] =>
    within(screen.getByRole('group'))
      .getAllByRole('button')
      .map((each) => each.getAttribute('aria-label') ?? each.textContent ?? '');
  expect(shown()).toEqual(['Spark master', 'Logs', 'More ▾', 'Terminate']);
  fireEvent.click(more());
  expect(items()).toEqual(['History', 'Insert code', 'Follow load…', 'Swap…', 'Detach']);
  fireEvent.click(screen.getByRole('menuitem', { name: 'History' }));
  expect(all.openPage).toHaveBeenCalledWith(expect.anything(), ui[1]);
  // Of what is for no notebook, the code is what comes next; of what is about to end, that it stays.
  const life = { ...execution().life, expires: '2026-01-01T12:00:00Z', why: 'idle' };
  const { plan } = execution();
  const kept = { ...plan, lifetime: { ...plan.lifetime, keep: 60 } };
  rerender(card(execution({ attachment: null, life, plan: kept }), { ...all, adapt: done, keep: done }));
  expect(shown()).toEqual(['Keep it', 'Logs', 'Insert code', 'More ▾', 'Terminate']);
});

describe('the menu, by keys alone', () => {
  const swap = jest.fn();
  const focused = (): string => document.activeElement?.textContent ?? '';
  const press = (key: string): boolean => fireEvent.keyDown(document.activeElement as Element, { key });

  beforeEach(() => {
    swap.mockReset();
    const done = (): Promise<unknown> => Promise.resolve();
    render(card(execution({ attachment }), { swap, adapt: done, detach: done }));
    more().focus();
  });

  test('an arrow opens it, arrows and letters move in it, and Enter chooses', () => {
    expect(more().getAttribute('aria-haspopup')).toBe('menu');
    expect(more().getAttribute('aria-expanded')).toBe('false');
    press('ArrowDown');
    expect(more().getAttribute('aria-expanded')).toBe('true');
    expect(focused()).toBe('Follow load…');
    press('ArrowUp');
    expect(focused()).toBe('Detach');
    press('ArrowDown');
    expect(focused()).toBe('Follow load…');
    press('End');
    expect(focused()).toBe('Detach');
    press('Home');
    expect(focused()).toBe('Follow load…');
    press('s');
    expect(focused()).toBe('Swap…');
    fireEvent.click(document.activeElement as Element);
    expect(swap).toHaveBeenCalledTimes(1);
    expect(document.activeElement).toBe(more());
    expect(items()).toEqual([]);
  });

  test.each(['Escape', 'Tab'])('%s closes it, and the keyboard is at its button again', (key) => {
    press('ArrowUp');
    expect(focused()).toBe('Detach');
    // The browser goes on with Tab.
    expect(press(key)).toBe(key === 'Tab');
    expect(document.activeElement).toBe(more());
    expect(items()).toEqual([]);
    expect(swap).not.toHaveBeenCalled();
  });

  test('it closes when something else is pressed, gets the keyboard, or moves its card away', () => {
    const elsewhere = screen.getByRole('button', { name: 'Terminate' });
    for (const leave of [
      () => fireEvent.pointerDown(elsewhere),
      () => act(() => elsewhere.focus()),
      () => fireEvent.scroll(document.body),
    ]) {
      fireEvent.click(more());
      expect(items()).not.toEqual([]);
      leave();
      expect(items()).toEqual([]);
    }
    fireEvent.click(more());
    fireEvent.scroll(elsewhere);
    expect(items()).not.toEqual([]);
  });
});

test('a Jupyter server is the Hub’s to end, and has no log of ours', () => {
  const server = { ...process('jupyter.server', 1, 0), placement: 'server' } as const;
  const bare = execution();
  const plan = { ...bare.plan, processes: [server] };
  render(card({ ...bare, plan }, { detach: () => Promise.resolve(), openLogs: jest.fn() }));
  expect(screen.queryByRole('button', { name: /Terminate|More|Logs/ })).toBeNull();
  expect(screen.getByText(/the Hub’s home page stops/)).toBeTruthy();
});

test('of what was started beside a server there are logs', () => {
  const server = { ...process('jupyter.server', 1, 0), placement: 'server' } as const;
  const bare = execution();
  render(
    card({ ...bare, plan: { ...bare.plan, processes: [...bare.plan.processes, server] } }, { openLogs: jest.fn() }),
  );
  expect(screen.getByRole('button', { name: 'Logs' })).toBeTruthy();
  expect(screen.queryByRole('button', { name: 'Terminate' })).toBeNull();
});
