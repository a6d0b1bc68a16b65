import {
  exactBytes,
  formatBytes,
  formatSeconds,
  messages,
  missing,
  parseBytes,
  workersOf,
  type Message,
} from '../src/index.js';
import { execution, process, ready } from './fakes.js';

test.each([
  ['8 GiB', 8 * 2 ** 30],
  ['512M', 512e6],
  ['1.5gib', 1.5 * 2 ** 30],
  [' 100 ', 100],
  [2048, 2048],
  ['8 gigs', null],
  ['', null],
  ['-1 GiB', null],
  [true, null],
  ['9999999 TiB', null],
])('%p is %p bytes', (text, bytes) => expect(parseBytes(text)).toBe(bytes));

test.each([
  [2 ** 30, '1 GiB'],
  [1.5 * 2 ** 30, '1.5 GiB'],
  [0, '0 B'],
  [3 * 2 ** 40, '3 TiB'],
  [4335 * 2 ** 20, '4.23 GiB'],
  [24_107 * 2 ** 20, '23.5 GiB'],
  [1000 * 2 ** 20, '1000 MiB'],
  [2 ** 30 - 1, '1 GiB'],
])('%p bytes are told as %p', (bytes, text) => expect(formatBytes(bytes)).toBe(text));

test.each([
  [2 ** 30, '1 GiB'],
  [1.5 * 2 ** 30, '1.5 GiB'],
  [1300 * 2 ** 20, '1300 MiB'],
  [1001, '1001 B'],
])('%p bytes are edited as %p', (bytes, text) => {
  expect(exactBytes(bytes)).toBe(text);
  expect(parseBytes(text)).toBe(bytes);
});

test.each([
  [0, '0 s'],
  [65, '1 min 5 s'],
  [3600, '1 h'],
  [90_061, '1 d 1 h'],
])('%p seconds are %p', (seconds, text) => expect(formatSeconds(seconds)).toBe(text));

test('workers asked for, granted and ready are counted apart', () => {
  const found = workersOf(
    execution({ granted: { 'spark.worker': 1 }, instances: [ready('spark.worker', 0), ready('spark.master', 0)] }),
  );
  expect(found).toEqual({ label: 'workers', parameter: 'workers', asked: 2, granted: 1, ready: 1 });
});

test('workers that are core are counted too', () => {
  const plan = { ...execution().plan, processes: [process('x.head', 1, 0), process('x.worker', 2, 0)] };
  const found = workersOf(execution({ plan, granted: { 'x.worker': 2 } }));
  expect(found).toMatchObject({ asked: 2, granted: 2 });
});

test('what has one size has no workers to count', () => {
  expect(workersOf(execution({ plan: { ...execution().plan, scales: null } }))).toBeNull();
});

test('a start says what it waits for', () => {
  expect(missing(execution({ state: 'starting' }))).toEqual(['spark.master']);
  expect(missing(execution({ state: 'starting', instances: [ready('spark.master', 0)] }))).toEqual([]);
});

test('messages are whole, wherever chunks are cut', async () => {
  const text = ': hello\n\nid: 7\nevent: a\ndata: {"x":\ndata: 1}\n\r\n\nevent: b\ndata: cut off';
  for (let size = 1; size < text.length; size += 1) {
    const chunks = async function* (): AsyncGenerator<string> {
      for (let place = 0; place < text.length; place += size) {
        yield text.slice(place, place + size);
        await Promise.resolve();
      }
    };
    const found: Message[] = [];
    for await (const message of messages(chunks())) {
      found.push(message);
    }
    expect(found).toEqual([{ event: 'a', data: '{"x":\n1}', id: '7' }]);
  }
});
