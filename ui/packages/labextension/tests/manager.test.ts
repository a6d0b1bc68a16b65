import { ZoeManager } from '../src/manager.js';
import { noticeOf } from '../src/notices.js';
import { connecting, swapping } from '../src/snippets.js';
import { english } from '@zoe-jupyter/components';
import { statusText } from '../src/statusText.js';
import { execution, FakeService, json, problem, process, until } from '../../api/tests/fakes.js';
import type { Mode } from '../src/tokens.js';
import { shownOf } from '../src/shown.js';
import type { Execution, ZApp, ZoeEvent } from '@zoe-jupyter/api';

let service: FakeService;
let manager: ZoeManager;
const failed = jest.fn();

function make(mode: Mode): void {
  manager = new ZoeManager({ mode, transport: service, onFailed: failed, rest: 5 });
}

beforeEach(() => {
  service = new FakeService();
  service.answers.set('GET /shop', () => json({ zapps: [], frameworks: [], problems: [] }));
  service.answers.set('GET /quota', () => json({ user: 'alice', groups: [], own: { uses: [] }, together: [] }));
  make('own');
});

afterEach(() => manager.store.stop());

test('nothing is asked before anybody wants it, and it begins once', async () => {
  expect(service.requests).toEqual([]);
  manager.begin();
  manager.begin();
  await until(() => manager.store.current().loaded && manager.shelf.shop !== null && manager.quota !== null);
  expect(service.requests.filter((each) => each === 'GET /events')).toHaveLength(1);
});

test('where Zoe is not set up, nothing is asked at all', () => {
  make('none');
  manager.begin();
  expect(service.requests).toEqual([]);
});

test('the quota is read again when executions change, and not by the clock', async () => {
  service.has({ id: 'a' });
  manager.begin();
  await until(() => manager.quota !== null);
  const before = service.requests.filter((each) => each === 'GET /quota').length;
  await new Promise((resolve) => setTimeout(resolve, 40));
  expect(service.requests.filter((each) => each === 'GET /quota')).toHaveLength(before);
  service.has({ id: 'a', state: 'stopping', updated: '2026-01-02T00:00:00Z' });
  service.tell('a');
  await until(() => service.requests.filter((each) => each === 'GET /quota').length > before);
});

test('shop and quota are read again when the service says that they are others', async () => {
  manager.begin();
  await until(() => manager.store.current().loaded && manager.shelf.shop !== null && manager.quota !== null);
  const count = (asked: string): number => service.requests.filter((each) => each === asked).length;
  // What the list of executions set off is over then.
  await new Promise((resolve) => setTimeout(resolve, 40));
  const [shops, quotas] = [count('GET /shop'), count('GET /quota')];
  service.say('event: shop.changed\ndata: {}\n\n');
  await until(() => count('GET /shop') === shops + 1);
  service.say('event: quotas.changed\ndata: {}\n\n');
  await until(() => count('GET /quota') > quotas);
  expect(count('GET /shop')).toBe(shops + 1);
});

test('a change that uses nothing more or less does not make the quota be read', async () => {
  service.has({ id: 'a' });
  manager.begin();
  await until(() => manager.quota !== null && manager.store.current().loaded);
  await new Promise((resolve) => setTimeout(resolve, 40));
  const before = service.requests.filter((each) => each === 'GET /quota').length;
  service.has({ id: 'a', reason: 'Its notebook was closed.', updated: '2026-01-02T00:00:00Z' });
  service.tell('a');
  await until(() => manager.store.get('a')?.reason !== '');
  await new Promise((resolve) => setTimeout(resolve, 40));
  expect(service.requests.filter((each) => each === 'GET /quota')).toHaveLength(before);
});

test('the status bar counts clusters, not the server that shows it', () => {
  const server = execution();
  const processes = [{ ...process('jupyter.server', 1, 0), placement: 'server' as const }];
  const mine = { ...server, plan: { ...server.plan, processes } };
  expect(statusText([mine], null, english)).toBe('');
  expect(statusText([mine, execution({ id: 'e2' })], null, english)).toBe('1 cluster');
  const queued = (ahead: number): Execution =>
    execution({ state: 'queued', outlook: { now: false, refused: false, ahead, reason: '', granted: {}, wait: null } });
  expect(statusText([queued(0)], null, english)).toBe('1 waiting, next in line');
  expect(statusText([queued(2), execution()], null, english)).toBe('1 cluster · 1 waiting, 2 ahead');
});

test('a shop that could not be read is read when asked again', async () => {
  service.answers.set('GET /shop', () => problem(503, 'ServiceUnavailable', 'Zoe starts.'));
  manager.begin();
  await until(() => manager.shelf.error === 'Zoe starts.');
  service.answers.set('GET /shop', () => json({ zapps: [], frameworks: [], problems: [] }));
  manager.readShop();
  await until(() => manager.shelf.shop !== null);
  expect(manager.shelf.error).toBe('');
});

test('the code that is put into notebooks holds names as they are', () => {
  expect(connecting('a "b"')).toContain('connect("a \\"b\\"")');
});

test('the code that swaps is what the magic splits into words again', () => {
  const zapp = { name: 'spark' } as ZApp;
  const old = execution({ name: 'mine' });
  expect(swapping({ old, zapp, parameters: {}, name: '' })).toBe('%zoe swap mine spark');
  const parameters = { memory: '4 GiB', workers: 3, note: "it's" };
  expect(swapping({ old, zapp, parameters, name: 'next' })).toBe(
    `%zoe swap mine spark name=next 'memory=4 GiB' workers=3 'note=it'"'"'s'`,
  );
});

describe('what notebooks hold', () => {
  test('is one execution, or all of a kernel', () => {
    expect(shownOf({ execution: 'e1', name: 'mine' })).toEqual({ execution: 'e1', name: 'mine' });
    expect(shownOf({ execution: 'e1' })).toEqual({ execution: 'e1', name: 'e1' });
    expect(shownOf({ kernel: 'k1' })).toEqual({ kernel: 'k1' });
  });

  test.each([null, 'e1', 3, {}, { execution: '' }, { execution: 5 }, { kernel: ['k'] }])(
    'what anybody may have written, such as %j, is nothing',
    (data) => expect(shownOf(data)).toBeNull(),
  );
});

describe('people are told of', () => {
  const event = (kind: ZoeEvent['kind'], data: ZoeEvent['data'] = {}): ZoeEvent => ({
    seq: 1,
    time: '2026-01-01T00:00:00Z',
    owner: 'alice',
    execution: 'e1',
    kind,
    data,
  });

  test('a failure, with its reason', () => {
    const notice = noticeOf(
      event('execution.state_changed', { after: 'failed' }),
      execution({ state: 'failed', reason: 'no Java.' }),
      english,
    );
    expect(notice).toEqual({ execution: 'e1', kind: 'error', text: 'name-of-e1 failed: no Java.' });
  });

  test('workers that were given or taken, but not of one’s own wish', () => {
    const given = event('execution.granted', { reason: '2 of 4 workers: others wait' });
    expect(noticeOf(given, execution(), english)?.text).toBe('name-of-e1 has 2 of 4 workers: others wait.');
    expect(noticeOf(event('execution.granted'), execution(), english)).toBeNull();
  });

  test('an end that is near, and what helps', () => {
    const life = { ...execution().life, expires: '2026-01-01T12:00:00Z', why: 'idle for 1 hour', advice: 'use it' };
    const notice = noticeOf(event('execution.expiring'), execution({ life }), english);
    expect(notice?.kind).toBe('warning');
    expect(notice?.text).toMatch(/^name-of-e1 ends at .*: idle for 1 hour\. Use it\.$/);
  });

  test('nothing else', () => {
    expect(noticeOf(event('execution.state_changed', { after: 'running' }), execution(), english)).toBeNull();
    expect(noticeOf(event('instance.state_changed'), execution(), english)).toBeNull();
  });
});
