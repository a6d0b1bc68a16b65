import { act, cleanup, render, screen } from '@testing-library/react';
import { ExecutionsStore, Terminations, ZoeClient } from '@zoe-jupyter/api';
import { AttachedCards } from '../src/AttachedCards.js';
import { FollowedCard, type FollowedCardProps } from '../src/FollowedCard.js';
import { FakeService, json, problem, execution } from './fakes.js';

let service: FakeService;
let store: ExecutionsStore;
let given: Omit<FollowedCardProps, 'id' | 'name'>;

beforeEach(() => {
  service = new FakeService();
  const client = new ZoeClient(service);
  store = new ExecutionsStore(client);
  const terminations = new Terminations(client, { onSent: () => undefined, onFailed: () => undefined });
  given = { store, terminations, shop: null, notebookOf: () => '', actions: {} };
});

afterEach(() => {
  cleanup();
  store.stop();
});

async function follow(id: string): Promise<void> {
  render(<FollowedCard {...given} id={id} name="mine" />);
  act(() => store.start());
  await screen.findByText(/./, { selector: 'h3, p' });
}

test('what lives follows the events', async () => {
  service.has({ id: 'a', name: 'mine', state: 'starting' });
  await follow('a');
  expect((await screen.findByRole('article', { name: 'mine' })).textContent).toContain('starting');
  service.has({ id: 'a', name: 'mine', state: 'running', updated: '2026-01-02T00:00:00Z' });
  service.tell('a');
  await screen.findByText('running', { selector: '.zoe-state' });
});

test('of what ended before it was looked at, the last word is said', async () => {
  service.answers.set('GET /executions/old', () =>
    json(execution({ id: 'old', name: 'mine', state: 'failed', reason: 'It had no memory left.' })),
  );
  await follow('old');
  await screen.findByText('It had no memory left.');
});

test('what nobody knows any more is said to be so', async () => {
  service.answers.set('GET /executions/gone', () => problem(404, 'UnknownName', 'There is no such execution.'));
  await follow('gone');
  await screen.findByText(/Nothing is known of mine/);
});

test('all that is attached to one kernel is shown, and nothing else', async () => {
  service.has({ id: 'a', name: 'mine', attachment: { server: '', kernel: 'k1', outlive: false } });
  service.has({ id: 'b', name: 'other', attachment: { server: '', kernel: 'k2', outlive: false } });
  render(<AttachedCards {...given} kernel="k1" />);
  act(() => store.start());
  await screen.findByRole('article', { name: 'mine' });
  expect(screen.queryByRole('article', { name: 'other' })).toBeNull();
});
