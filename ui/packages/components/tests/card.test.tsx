import { cleanup, fireEvent, render, screen, waitFor } from '@testing-library/react';
import type { ReactElement } from 'react';
import { ExecutionCard, type ExecutionActions } from '../src/index.js';
import { execution, BOUNDS, process, ready, type Execution } from './fakes.js';

afterEach(cleanup);

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
  const outlook = { now: false, ahead: 2, reason: 'no room', granted: {}, wait: 90 };
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
  fireEvent.click(screen.getByRole('button', { name: 'Follow load…' }));
  const most = screen.getByLabelText('most workers');
  fireEvent.change(most, { target: { value: '0' } });
  expect(screen.getByRole('alert').textContent).toBe('Whole numbers from 1 to 8, the smaller one first.');
  fireEvent.change(most, { target: { value: '6' } });
  fireEvent.submit(most);
  await waitFor(() => expect(adapt).toHaveBeenCalledWith(expect.objectContaining({ id: 'e1' }), 1, 6));
  await waitFor(() => expect(screen.queryByLabelText('most workers')).toBeNull());
});

test('only what is attached can be swapped', () => {
  const swap = jest.fn();
  const attachment = { server: '', kernel: 'k1', outlive: false };
  const { rerender } = render(card(execution({ attachment }), { swap }));
  fireEvent.click(screen.getByRole('button', { name: 'Swap…' }));
  expect(swap).toHaveBeenCalledTimes(1);
  rerender(card(execution({ attachment: null }), { swap }));
  expect(screen.queryByRole('button', { name: 'Swap…' })).toBeNull();
});

test('a Jupyter server is the Hub’s to end, and has no log of ours', () => {
  const server = { ...process('jupyter.server', 1, 0), placement: 'server' } as const;
  const bare = execution();
  const plan = { ...bare.plan, processes: [server] };
  render(card({ ...bare, plan }, { detach: () => Promise.resolve(), openLogs: jest.fn() }));
  expect(screen.queryByRole('button', { name: /Terminate|Detach|Logs/ })).toBeNull();
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
