import { Refusal, Terminations, Unreachable, ZoeClient } from '../src/index.js';
import { execution, FakeService, problem, until } from './fakes.js';

let service: FakeService;
let client: ZoeClient;

beforeEach(() => {
  service = new FakeService();
  client = new ZoeClient(service);
});

test('a refusal has the service’s own sentence, and says which parameter is wrong', async () => {
  service.answers.set('POST /plans', () =>
    problem(422, 'InvalidParameter', 'workers: 99 is out of bounds', { parameter: 'workers' }),
  );
  const refusal = await client.plan({ zapp: 'spark' }).catch((error: unknown) => error);
  expect(refusal).toBeInstanceOf(Refusal);
  expect((refusal as Refusal).message).toBe('workers: 99 is out of bounds');
  expect((refusal as Refusal).kind).toBe('InvalidParameter');
  expect((refusal as Refusal).problem.parameter).toBe('workers');
});

test('a page that is no problem document becomes a sentence', async () => {
  service.answers.set('GET /shop', () => new Response('<html>', { status: 502, statusText: 'Bad Gateway' }));
  await expect(client.shop()).rejects.toThrow('The server answered 502 Bad Gateway.');
});

test('a broken network is told from a refusal', async () => {
  service.there = false;
  await expect(client.shop()).rejects.toBeInstanceOf(Unreachable);
});

test('a wish is sent with its key, so that a second one starts nothing', async () => {
  service.answers.set('POST /executions', () => new Response(JSON.stringify(execution())));
  await client.submit({ zapp: 'spark' }, 'k1');
  expect(service.headers.at(-1)?.get('Idempotency-Key')).toBe('k1');
});

test('logs keep characters that two chunks share', async () => {
  const bytes = new TextEncoder().encode('Grüße\n');
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(bytes.slice(0, 3));
      controller.enqueue(bytes.slice(3));
      controller.close();
    },
  });
  service.answers.set('GET /executions/e1/logs?follow=true&tail=10', () => new Response(body));
  let text = '';
  for await (const chunk of client.logs('e1', { follow: true, tail: 10 }, new AbortController().signal)) {
    text += chunk;
  }
  expect(text).toBe('Grüße\n');
});

describe('terminating', () => {
  const make = (wayBack: number, onFailed = jest.fn()): Terminations =>
    new Terminations(client, { onSent: jest.fn(), onFailed, wayBack: () => wayBack });

  test('can be taken back for a while, and nothing is sent then', async () => {
    service.has({ id: 'e1' });
    const terminations = make(30);
    terminations.request(execution());
    expect(terminations.current().has('e1')).toBe(true);
    expect(terminations.undo('e1')).toBe(true);
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(service.requests).toEqual([]);
  });

  test('is sent once afterwards', async () => {
    service.has({ id: 'e1' });
    const terminations = make(10);
    terminations.request(execution());
    terminations.request(execution());
    await until(() => service.requests.length > 0);
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(service.requests).toEqual(['DELETE /executions/e1']);
    expect(terminations.current().size).toBe(0);
    expect(terminations.undo('e1')).toBe(false);
  });

  test('is sent at once when the page is closed', () => {
    service.has({ id: 'e1' });
    const terminations = make(60_000);
    terminations.request(execution());
    terminations.flush();
    expect(service.requests).toEqual(['DELETE /executions/e1']);
  });

  test('is sent without waiting when that is wished', () => {
    service.has({ id: 'e1' });
    const terminations = make(60_000);
    terminations.request(execution());
    expect(terminations.now('e1')).toBe(true);
    expect(service.requests).toEqual(['DELETE /executions/e1']);
    expect(terminations.now('e1')).toBe(false);
  });

  test('that fails is told of', async () => {
    service.there = false;
    const failed = jest.fn();
    make(1, failed).request(execution());
    await until(() => failed.mock.calls.length === 1);
  });
});
