import { act, cleanup, fireEvent, render, screen, waitFor } from '@testing-library/react';
import type { Execution } from '@zoe-jupyter/api';
import { Card } from '../src/Card.js';
import { Link, type Model } from '../src/link.js';
import { execution, ready } from '../../api/tests/fakes.js';
import { parameter, zapp } from '../../components/tests/fakes.js';

afterEach(cleanup);

/** A kernel that a test moves. */
class FakeKernel implements Model {
  readonly sent: { id: number; do: string; number?: number }[] = [];
  private readonly callbacks = new Map<string, Set<(content: unknown) => void>>();

  constructor(private shown: Execution) {}

  private gone = false;

  get(name: 'execution'): Execution;
  get(name: 'away'): boolean;
  get(name: 'execution' | 'away'): Execution | boolean {
    return name === 'away' ? this.gone : this.shown;
  }

  /** The service does not answer it, or does again. */
  misses(gone: boolean): void {
    this.gone = gone;
    this.callbacks.get('change:away')?.forEach((callback) => callback(null));
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

  answer(error = '', result?: unknown): void {
    this.says({ id: this.sent.at(-1)?.id, error, result });
  }

  says(content: unknown): void {
    this.callbacks.get('msg:custom')?.forEach((callback) => callback(content));
  }

  /** What it was asked last. */
  get wish(): object | undefined {
    const last = this.sent.at(-1);
    return last && Object.fromEntries(Object.entries(last).filter(([name]) => name !== 'id'));
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

function openSwap(): void {
  fireEvent.click(screen.getByRole('button', { name: 'More' }));
  fireEvent.click(screen.getByRole('menuitem', { name: 'Swap…' }));
}

test('shows what the kernel says, as it changes', () => {
  expect(screen.getByText('workers: 0 of 2 ready')).toBeTruthy();
  act(() => kernel.shows({ instances: [ready('spark.worker', 0)] }));
  expect(screen.getByText('workers: 1 of 2 ready')).toBeTruthy();
});

test('says by itself that the service is away, and no more when it is back', () => {
  expect(screen.queryByText(/does not answer/)).toBeNull();
  act(() => kernel.misses(true));
  const said = screen.getByText(/service does not answer.*may be old/);
  expect(said.closest('[role=status]')).not.toBeNull();
  expect(screen.getByText('workers: 0 of 2 ready')).toBeTruthy();
  act(() => kernel.misses(false));
  expect(screen.queryByText(/does not answer/)).toBeNull();
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

test('what is written is shown as it comes, until the card wants no more', async () => {
  fireEvent.click(screen.getByRole('button', { name: 'Logs' }));
  await waitFor(() => expect(kernel.wish).toEqual({ do: 'logs' }));
  const { id } = kernel.sent.at(-1) as { id: number };
  act(() => kernel.says({ id, chunk: 'one line\n' }));
  await screen.findByText(/one line/);
  fireEvent.click(screen.getByRole('button', { name: 'Logs' }));
  expect(kernel.wish).toEqual({ do: 'stop', of: id });
});

test('a log that cannot be read says why', async () => {
  fireEvent.click(screen.getByRole('button', { name: 'Logs' }));
  await waitFor(() => expect(kernel.wish).toEqual({ do: 'logs' }));
  act(() => kernel.answer('It is not yours to read.'));
  expect((await screen.findByRole('alert')).textContent).toContain('It is not yours to read.');
});

test('swapping asks what it would need, then for it, and the card shows what took over', async () => {
  act(() => kernel.shows({ attachment: { server: '', kernel: 'k1', outlive: false } }));
  openSwap();
  expect(kernel.wish).toEqual({ do: 'shop' });
  const memory = parameter({ name: 'memory', type: 'memory', default: 2 ** 30 });
  const workers = parameter({ name: 'workers', default: 2, scales: true });
  act(() => kernel.answer('', [zapp({ parameters: [workers, memory] })]));
  fireEvent.change(await screen.findByLabelText('Workers'), { target: { value: '3' } });
  await waitFor(() => expect(kernel.wish).toMatchObject({ do: 'plan', zapp: 'spark', parameters: { workers: 3 } }));
  act(() => kernel.answer('', { core: { cpu: 1, memory: 1 }, total: { cpu: 3, memory: 3 }, outlook: null }));
  const swap = screen.getByRole('button', { name: 'Swap' });
  await waitFor(() => expect(swap.hasAttribute('disabled')).toBe(false));
  fireEvent.click(swap);
  expect(kernel.wish).toMatchObject({ do: 'swap', zapp: 'spark', parameters: { workers: 3 }, name: '' });
  act(() => {
    kernel.shows({ id: 'e2', name: 'bigger' });
    kernel.answer();
  });
  await screen.findByRole('article', { name: 'bigger' });
  await waitFor(() => expect(screen.queryByRole('button', { name: 'Swap' })).toBeNull());
});

test('what the service would refuse is said before anything is swapped', async () => {
  act(() => kernel.shows({ attachment: { server: '', kernel: 'k1', outlive: false } }));
  openSwap();
  act(() => kernel.answer('', [zapp({ parameters: [] })]));
  await waitFor(() => expect(kernel.wish).toMatchObject({ do: 'plan' }));
  act(() => kernel.answer('The quota of alice is 4 instances.'));
  await screen.findByText('The quota of alice is 4 instances.');
  expect(screen.getByRole('button', { name: 'Swap' }).hasAttribute('disabled')).toBe(true);
});

test('whoever takes its time says that it is at it, and is not said to be away', async () => {
  const link = new Link(kernel, 'The kernel is away.', 30);
  const asked = link.ask({ do: 'swap', zapp: 'spark', parameters: {}, name: '' });
  const { id } = kernel.sent.at(-1) as { id: number };
  kernel.says({ id, chunk: '' });
  await new Promise((resolve) => setTimeout(resolve, 60));
  kernel.says({ id, error: '' });
  await asked;
});
