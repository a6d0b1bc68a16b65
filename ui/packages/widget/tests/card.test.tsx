import { act, cleanup, fireEvent, render, screen, waitFor } from '@testing-library/react';
import type { Execution } from '@zoe-jupyter/api';
import { Card } from '../src/Card.js';
import { Link, type Model } from '../src/link.js';
import { execution, ready } from '../../api/tests/fakes.js';

afterEach(cleanup);

/** A kernel that a test moves. */
class FakeKernel implements Model {
  readonly sent: { id: number; do: string; number?: number }[] = [];
  private readonly callbacks = new Map<string, Set<(content: unknown) => void>>();

  constructor(private shown: Execution) {}

  get(): Execution {
    return this.shown;
  }

  on(event: string, callback: (content: unknown) => void): void {
    this.callbacks.set(event, (this.callbacks.get(event) ?? new Set()).add(callback));
  }

  off(event: string, callback: (content: unknown) => void): void {
    this.callbacks.get(event)?.delete(callback);
  }

  send(content: { id: number; do: string }): void {
    this.sent.push(content);
  }

  answer(error = ''): void {
    this.callbacks.get('msg:custom')?.forEach((callback) => callback({ id: this.sent.at(-1)?.id, error }));
  }

  shows(change: Partial<Execution>): void {
    this.shown = { ...this.shown, ...change };
    this.callbacks.get('change:execution')?.forEach((callback) => callback(null));
  }
}

let kernel: FakeKernel;

beforeEach(() => {
  kernel = new FakeKernel(execution());
  render(<Card model={kernel} />);
});

function scaleTo(number: string): void {
  fireEvent.change(screen.getByLabelText('number of workers'), { target: { value: number } });
  fireEvent.click(screen.getByRole('button', { name: 'Scale' }));
}

test('shows what the kernel says, as it changes', () => {
  expect(screen.getByText('workers: 0 of 2 ready')).toBeTruthy();
  act(() => kernel.shows({ instances: [ready('spark.worker', 0)] }));
  expect(screen.getByText('workers: 1 of 2 ready')).toBeTruthy();
});

test('asks the kernel for another size, and shows what it refuses', async () => {
  scaleTo('5');
  expect(kernel.sent).toEqual([{ id: 1, do: 'scale', number: 5 }]);
  act(() => kernel.answer('The quota of alice is 4 instances.'));
  expect((await screen.findByRole('alert')).textContent).toBe('The quota of alice is 4 instances.');
});

test('terminating can be taken back, and is not asked for then', async () => {
  fireEvent.click(screen.getByRole('button', { name: 'Terminate' }));
  fireEvent.click(await screen.findByRole('button', { name: 'Undo' }));
  await waitFor(() => expect(screen.getByRole('button', { name: 'Terminate' })).toBeTruthy());
  expect(kernel.sent).toEqual([]);
});

test('a kernel that does not answer is said to be away', async () => {
  const link = new Link(kernel, 'The kernel is away.', 10);
  await expect(link.ask({ do: 'stop_adapting' })).rejects.toThrow('The kernel is away.');
});
