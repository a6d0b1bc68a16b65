import { ExecutionsStore, lossIn, ZoeClient, type ConnectionState } from '../src/index.js';
import { FakeService, json, problem, ready, until } from './fakes.js';

const TIMING = {
  firstRetry: 10,
  longestRetry: 40,
  answer: 10_000,
  firstAnswer: 10_000,
  grace: 10_000,
  silence: 10_000,
};
let service: FakeService;
let store: ExecutionsStore;

beforeEach(() => {
  service = new FakeService();
  store = new ExecutionsStore(new ZoeClient(service), TIMING);
});

afterEach(() => store.stop());

const names = (): string[] => store.current().executions.map((each) => each.id);
const started = async (): Promise<void> => {
  store.start();
  await until(() => store.current().loaded, 'the list was not read');
};

test('what runs is listed, the newest first', async () => {
  service.has({ id: 'old', created: '2026-01-01T00:00:00Z' });
  service.has({ id: 'new', created: '2026-01-02T00:00:00Z' });
  await started();
  expect(names()).toEqual(['new', 'old']);
  expect(store.current().connection.kind).toBe('live');
});

test('of very many, the newest are there before the others, and then all of them', async () => {
  for (let number = 0; number < 60; number += 1) {
    service.has({ id: `e${number}` });
  }
  const seen: number[] = [];
  store.subscribe(() => store.current().loaded && seen.push(names().length));
  await started();
  await until(() => names().length === 60);
  expect([...new Set(seen)]).toEqual([50, 60]);
});

test('an event shows what has become of an execution, whoever made it', async () => {
  await started();
  service.has({ id: 'a', state: 'starting' });
  service.tell('a', 'execution.submitted');
  await until(() => names().includes('a'));
  service.has({ id: 'a', state: 'running', updated: '2026-01-01T00:00:01Z' });
  service.tell('a');
  await until(() => store.get('a')?.state === 'running');
});

test('an event with which the execution comes is shown without a question, and told after those before it', async () => {
  service.has({ id: 'a', state: 'starting' });
  await started();
  expect(service.headers.at(service.requests.indexOf('GET /events'))?.get('Prefer')).toBe('return=representation');
  const told: number[] = [];
  store.onEvent((event, about) => {
    told.push(event.seq);
    expect(about?.state).toBe('running');
  });
  service.has({ id: 'a', state: 'running', updated: '2026-01-01T00:00:01Z' });
  service.tell('a', 'execution.state_changed', {}, true);
  await until(() => store.get('a')?.state === 'running');
  expect(told).toEqual([1]);
  expect(service.requests).not.toContain('GET /executions/a');
  // One without it is asked about; what follows meanwhile is shown at once.
  service.delay = 50;
  service.tell('a');
  await until(() => service.requests.includes('GET /executions/a'));
  service.has({ id: 'a', state: 'running', reason: 'newer', updated: '2026-01-01T00:00:02Z' });
  service.tell('a', 'execution.waiting', {}, true);
  await until(() => store.get('a')?.reason === 'newer');
  await until(() => told.length === 3);
  expect(told).toEqual([1, 2, 3]);
});

test('what ends while it is watched stays, with its reason, until it is dismissed', async () => {
  service.has({ id: 'a' });
  await started();
  service.has({
    id: 'a',
    state: 'failed',
    reason: 'no room',
    ended: '2026-01-01T00:01:00Z',
    updated: '2026-01-02T00:00:00Z',
  });
  service.tell('a');
  await until(() => store.get('a')?.reason === 'no room');
  store.forget('a');
  expect(names()).toEqual([]);
});

test('what the service has forgotten is gone', async () => {
  service.has({ id: 'a' });
  await started();
  service.executions.delete('a');
  service.tell('a');
  await until(() => names().length === 0);
});

test('a lost connection is told of, and resumed behind the last event', async () => {
  service.has({ id: 'a' });
  const states: ConnectionState['kind'][] = [];
  store.subscribe(() => states.push(store.current().connection.kind));
  await started();
  service.tell('a');
  await until(() => service.requests.includes('GET /executions/a'));
  service.there = false;
  service.cut();
  await until(() => store.current().connection.kind === 'waiting');
  expect(store.current().connection).toMatchObject({ kind: 'waiting', lost: { why: 'unreachable' } });
  expect(names()).toEqual(['a']);
  service.there = true;
  store.retry();
  await until(() => store.current().connection.kind === 'live');
  expect(service.headers.at(-1)?.get('Last-Event-ID')).toBe('1');
  expect(service.requests.filter((each) => each.startsWith('GET /executions?'))).toHaveLength(1);
});

test('where events are missing, everything is read again, and what ended meanwhile keeps its last word', async () => {
  service.has({ id: 'a' });
  await started();
  service.has({ id: 'a', state: 'terminated', ended: '2026-01-01T00:01:00Z', updated: '2026-01-02T00:00:00Z' });
  service.has({ id: 'b' });
  service.say('event: gap\ndata: {"after": 0, "deleted": 9}\n\n');
  await until(() => names().includes('b'));
  expect(store.get('a')?.state).toBe('terminated');
});

test('an answer that was overtaken changes nothing', async () => {
  service.has({ id: 'a', updated: '2026-01-01T00:00:05Z', state: 'running' });
  await started();
  const old = { ...store.get('a')!, updated: '2026-01-01T00:00:01Z', state: 'starting' as const };
  store.saw(old);
  expect(store.get('a')?.state).toBe('running');
});

test('a question that fails is asked again after a pause that is shown', async () => {
  let refused = 0;
  service.answers.set('GET /executions?live=true&limit=50', () => {
    refused += 1;
    return refused < 3 ? problem(503, 'ServiceUnavailable', 'Zoe starts.') : json({ executions: [], total: 0 });
  });
  const reasons = new Set<string>();
  store.subscribe(() => {
    const lost = lossIn(store.current().connection);
    if (lost !== null) {
      reasons.add(lost.why === 'refused' ? lost.said : lost.why);
    }
  });
  await started();
  expect(reasons).toEqual(new Set(['Zoe starts.']));
});

test('many events at once are answered by reading the list, not each', async () => {
  await started();
  service.delay = 10;
  for (let number = 0; number < 100; number += 1) {
    service.has({ id: `e${number}` });
  }
  for (let number = 0; number < 100; number += 1) {
    service.tell(`e${number}`);
  }
  await until(() => names().length === 100);
  expect(service.requests.length).toBeLessThan(50);
});

test('events are handed on once what they are about is known', async () => {
  service.has({ id: 'a' });
  await started();
  const seen: (string | undefined)[] = [];
  store.onEvent((event, found) => seen.push(`${event.kind} ${found?.state}`));
  service.has({ id: 'a', state: 'failed', updated: '2026-01-02T00:00:00Z' });
  service.tell('a');
  await until(() => seen.length === 1);
  expect(seen).toEqual(['execution.state_changed failed']);
});

test('how workers came and went is remembered', async () => {
  service.has({ id: 'a' });
  await started();
  service.has({ id: 'a', instances: [ready('spark.worker', 0)], updated: '2026-01-01T00:00:01Z' });
  service.tell('a', 'instance.state_changed');
  await until(() => store.history('a').length === 2);
  expect(store.history('a').map(({ asked, ready }) => [asked, ready])).toEqual([
    [2, 0],
    [2, 1],
  ]);
});
