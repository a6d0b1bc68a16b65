import { act, cleanup, fireEvent, render, screen } from '@testing-library/react';
import { ExecutionsStore, ZoeClient, type ConnectionState } from '@zoe-jupyter/api';
import { ConnectionBanner, Logs } from '../src/index.js';
import { execution, FakeService, until } from './fakes.js';

afterEach(cleanup);

const waiting: ConnectionState = { kind: 'waiting', lost: { why: 'offline' }, retryAt: Date.now() + 3000 };

test('a lost connection is said with its reason, also while the next attempt goes on', () => {
  const retry = jest.fn();
  const { rerender } = render(<ConnectionBanner connection={waiting} loaded onRetry={retry} />);
  const banner = screen.getByRole('status');
  expect(banner.textContent).toMatch(/^This browser is offline\. What is shown may be old; .*The next attempt is in/);
  rerender(<ConnectionBanner connection={{ kind: 'connecting', lost: { why: 'silent' } }} loaded onRetry={retry} />);
  expect(banner.textContent).toMatch(/^Nothing is heard of the service\. What is shown may be old; .*Trying again…/);
  fireEvent.click(screen.getByRole('button', { name: 'Try now' }));
  expect(retry).toHaveBeenCalledTimes(1);
});

test.each<ConnectionState>([{ kind: 'live' }, { kind: 'closed' }, { kind: 'connecting', lost: null }])(
  'while nothing is wrong, nothing is said: %j',
  (connection) => {
    render(<ConnectionBanner connection={connection} loaded onRetry={() => undefined} />);
    expect(screen.getByRole('status').textContent).toBe('');
  },
);

test('logs say that their line is cut, and are read again when there is another', async () => {
  const service = new FakeService();
  const written = ['first\n', 'first\nsecond\n'];
  service.answers.set('GET /executions/e1/logs?follow=true&tail=5000', () => {
    const text = written.shift() ?? '';
    // Like a line that nobody has told to be dead: it neither ends nor goes on.
    return new Response(new ReadableStream({ start: (to) => to.enqueue(new TextEncoder().encode(text)) }));
  });
  const client = new ZoeClient(service);
  const store = new ExecutionsStore(client);
  store.start();
  await until(() => store.current().connection.kind === 'live');
  render(<Logs client={client} execution={execution()} store={store} />);
  await screen.findByText('first');
  await act(async () => Promise.resolve());
  service.there = false;
  act(() => service.cut());
  await screen.findByText(/The Jupyter server does not answer.*The logs go on/);
  service.there = true;
  act(() => store.retry());
  await screen.findByText(/second/);
  expect(screen.queryByRole('alert')).toBeNull();
  store.stop();
});
