/** Lines that break in all the ways in which they do, by a clock that the tests move. */

import { ExecutionsStore, lossIn, ZoeClient, type ConnectionState, type ZoeEvent } from '../src/index.js';
import { FakeService, problem } from './fakes.js';

let service: FakeService;
let store: ExecutionsStore;
let states: ConnectionState[];
let heard: ZoeEvent[];
let online: jest.SpyInstance<boolean, []>;

const pass = (milliseconds: number): Promise<void> => jest.advanceTimersByTimeAsync(milliseconds);
const attempts = (): number => service.requests.filter((each) => each === 'GET /events').length;
const lists = (): number => service.requests.filter((each) => each.startsWith('GET /executions?')).length;
const now = (): string => {
  const { connection } = store.current();
  const lost = lossIn(connection);
  return lost === null ? connection.kind : `${connection.kind}: ${lost.why === 'refused' ? lost.said : lost.why}`;
};

function network(there: boolean): void {
  online.mockReturnValue(there);
  window.dispatchEvent(new Event(there ? 'online' : 'offline'));
}

beforeEach(async () => {
  jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate'] });
  online = jest.spyOn(navigator, 'onLine', 'get').mockReturnValue(true);
  service = new FakeService();
  service.has({ id: 'a' });
  store = new ExecutionsStore(new ZoeClient(service));
  states = [];
  heard = [];
  store.onEvent((event) => heard.push(event));
  store.start();
  await pass(0);
  service.say('retry: 2000\nkeepalive: 5000\n\n');
  service.tell('a');
  await pass(0);
  expect(now()).toBe('live');
  expect(heard.map((each) => each.seq)).toEqual([1]);
  store.subscribe(() => {
    if (states.at(-1) !== store.current().connection) {
      states.push(store.current().connection);
    }
  });
});

afterEach(() => {
  store.stop();
  online.mockRestore();
  jest.useRealTimers();
});

test('signs of life keep a connection on which nothing happens', async () => {
  for (let count = 0; count < 100; count += 1) {
    await pass(5000);
    service.say(': alive\n\n');
  }
  await pass(0);
  expect(states).toEqual([]);
  expect(attempts()).toBe(1);
});

test('without signs of life it is said to be silent before long, and taken up behind the last event', async () => {
  service.mute = true;
  await pass(15_000);
  expect(now()).toBe('connecting: silent');
  service.mute = false;
  store.retry();
  await pass(0);
  expect(now()).toBe('live');
  expect(service.headers.at(-1)?.get('Last-Event-ID')).toBe('1');
  expect(lists()).toBe(1);
});

test('what happened meanwhile is told afterwards, all of it, once', async () => {
  service.there = false;
  service.cut();
  await pass(100);
  expect(now()).toBe('waiting: unreachable');
  service.tell('a');
  service.tell('a', 'instance.state_changed');
  service.there = true;
  await pass(1000);
  service.tell('a');
  await pass(0);
  expect(heard.map((each) => each.seq)).toEqual([1, 2, 3, 4]);
});

test('a service that does not say how often it shows signs of life is given longer', async () => {
  store.stop();
  store = new ExecutionsStore(new ZoeClient(service));
  store.start();
  await pass(30_000);
  expect(now()).toBe('live');
  service.mute = true;
  await pass(15_000);
  expect(now()).toBe('connecting: silent');
});

test('who is offline is told at once, and connected as soon as there is a network', async () => {
  service.there = false;
  network(false);
  await pass(0);
  expect(now()).toBe('waiting: offline');
  await pass(600_000);
  expect(states.slice(1).map(lossIn)).not.toContain(null);
  service.there = true;
  network(true);
  await pass(0);
  expect(now()).toBe('live');
});

test('a server on the same machine is asked though there is no network, and nobody is alarmed', async () => {
  network(false);
  await pass(0);
  expect(attempts()).toBe(2);
  expect(states.map(lossIn)).toEqual([null, null]);
  expect(now()).toBe('live');
  expect(lists()).toBe(1);
});

test('another network means another connection', async () => {
  network(true);
  await pass(0);
  expect(attempts()).toBe(2);
  expect(service.open).toBe(1);
});

test('that an attempt is not answered is said within seconds, and it is given up in the end', async () => {
  service.mute = true;
  network(false);
  await pass(2900);
  expect(now()).toBe('connecting');
  await pass(200);
  expect(now()).toBe('connecting: silent');
  await pass(60_000);
  expect(attempts()).toBeGreaterThan(4);
  expect(attempts()).toBeLessThan(8);
  expect(states.slice(1).map(lossIn)).not.toContain(null);
});

test('attempts get rarer, and are not those of all browsers at one moment', async () => {
  const random = jest.spyOn(Math, 'random').mockReturnValue(0);
  service.there = false;
  service.cut();
  await pass(0);
  const pauses: number[] = [];
  for (let last = attempts(), waited = 0; pauses.length < 7; waited += 25) {
    await pass(25);
    if (attempts() > last) {
      pauses.push(waited + 25);
      last = attempts();
      waited = -25;
      random.mockReturnValue(pauses.length % 2);
    }
  }
  random.mockRestore();
  expect(pauses).toEqual([375, 750, 2000, 3000, 8000, 11_250, 15_000]);
});

test('a machine that has slept connects again before anybody is alarmed', async () => {
  jest.setSystemTime(Date.now() + 3_600_000);
  await pass(3100);
  expect(attempts()).toBe(2);
  expect(states.map(lossIn)).toEqual([null, null]);
});

test('whoever looks at the page again sees how it is now', async () => {
  jest.setSystemTime(Date.now() + 3_600_000);
  document.dispatchEvent(new Event('visibilitychange'));
  await pass(0);
  expect(attempts()).toBe(2);
  service.there = false;
  service.cut();
  await pass(100_000);
  expect(now()).toBe('waiting: unreachable');
  service.there = true;
  document.dispatchEvent(new Event('visibilitychange'));
  await pass(0);
  expect(now()).toBe('live');
});

test('a question whose answer never comes holds nothing up when there is a connection again', async () => {
  service.has({ id: 'a', state: 'failed', updated: '2026-01-02T00:00:00Z' });
  service.mute = true;
  for (let count = 0; count < 6; count += 1) {
    service.tell('a');
    await pass(0);
  }
  service.mute = false;
  service.cut();
  await pass(1000);
  expect(now()).toBe('live');
  expect(store.get('a')?.state).toBe('failed');
  expect(heard.map((each) => each.seq)).toEqual([1, 2, 3, 4, 5, 6, 7]);
});

test('questions that hang on a dead line leave the next attempt one of the browser’s six', async () => {
  service.lines = 6;
  service.mute = true;
  const asked = Array.from({ length: 6 }, () => store.client.shop().catch((error: Error) => error.message));
  const ordered = jest.fn();
  store.client.detach('a').then(ordered, ordered);
  await pass(0);
  service.mute = false;
  // Until the silence is noticed, and no longer.
  await pass(14_000);
  expect(now()).toBe('live');
  expect(new Set(await Promise.all(asked))).toEqual(new Set(['The Jupyter server does not answer.']));
  expect(ordered).toHaveBeenCalledTimes(1);
});

test('an order is not taken back with the line, and given up in the end', async () => {
  service.mute = true;
  const failed = jest.fn();
  store.client.detach('a').catch(failed);
  await pass(30_000);
  expect(failed).not.toHaveBeenCalled();
  await pass(31_000);
  expect(failed).toHaveBeenCalledWith(expect.objectContaining({ name: 'Unreachable' }));
});

test('a list whose answer never comes is asked for again', async () => {
  service.mute = true;
  service.say('event: gap\ndata: {"after": 0, "deleted": 9}\n\n');
  await pass(0);
  service.mute = false;
  service.has({ id: 'b' });
  service.cut();
  await pass(1000);
  expect(store.current().executions.map((each) => each.id)).toContain('b');
});

test('the numbers of another database count, though they are lower', async () => {
  service.cut();
  await pass(1000);
  service.has({ id: 'b' });
  service.say('event: gap\ndata: {"after": 0, "deleted": 1}\n\n');
  service.say(`id: 1\nevent: execution.submitted\ndata: ${JSON.stringify({ ...heard[0], execution: 'b' })}\n\n`);
  await pass(0);
  expect(heard.map((each) => each.execution)).toEqual(['a', 'b']);
});

test('a question that fails takes no event away', async () => {
  service.answers.set('GET /executions/a', () => {
    service.answers.clear();
    return problem(500, 'Bug', 'It broke.');
  });
  service.tell('a');
  await pass(0);
  expect(now()).toBe('waiting: It broke.');
  expect(heard.map((each) => each.seq)).toEqual([1]);
  await pass(20_000);
  expect(now()).toBe('live');
  expect(heard.map((each) => each.seq)).toEqual([1, 2]);
});

test('after a stop nothing is asked, whatever the browser says', async () => {
  const deaf = jest.spyOn(window, 'removeEventListener');
  store.stop();
  await pass(0);
  expect(deaf.mock.calls.map(([event]) => event)).toEqual(expect.arrayContaining(['online', 'offline']));
  deaf.mockRestore();
  const asked = service.requests.length;
  network(false);
  network(true);
  await pass(60_000);
  expect(service.requests).toHaveLength(asked);
  expect(now()).toBe('closed');
});
