/** A service that a test moves, behind the real client. */

import type { Execution, Process, Transport, ZoeEvent } from '../src/index.js';

export function execution(change: Partial<Execution> = {}): Execution {
  const id = change.id ?? 'e1';
  return {
    id,
    owner: 'alice',
    name: `name-of-${id}`,
    zapp: 'spark',
    parameters: {},
    plan: {
      zapp: 'spark',
      title: 'Spark cluster',
      category: 'interactive',
      parameters: { workers: 2 },
      scales: 'workers',
      attachable: true,
      lifetime: { idle: 0, detached_idle: 0, maximum: 0, keep: 0, warning: 300 },
      core: { cpu: 1, memory: 2 ** 30, gpu: 0 },
      total: { cpu: 3, memory: 3 * 2 ** 30, gpu: 0 },
      processes: [process('spark.master', 1, 0), process('spark.worker', 0, 2)],
      outlook: null,
      preview: null,
    },
    desired: 'running',
    state: 'running',
    reason: '',
    granted: { 'spark.master': 1, 'spark.worker': 2 },
    attachment: null,
    adaptation: null,
    adapted: '',
    expected: null,
    size: null,
    life: { running_since: null, last_active: null, kept_until: null, expires: null, why: '', advice: '' },
    created: '2026-01-01T00:00:00Z',
    updated: '2026-01-01T00:00:00Z',
    ended: null,
    instances: [],
    live: {},
    ui: [],
    outlook: null,
    ...change,
  };
}

export function process(key: string, core: number, elastic: number): Process {
  const resources = { cpu: 1, memory: 2 ** 30, gpu: 0 };
  return { key, title: key, core, elastic, resources, placement: 'backend', image: '', command: [], environment: {} };
}

export function ready(key: string, ordinal: number): Execution['instances'][number] {
  return {
    process: key,
    ordinal,
    state: 'ready',
    host: null,
    ports: {},
    restarts: 0,
    exit_code: null,
    message: '',
    started: null,
  };
}

/** Requests as they came, and what is answered to them. */
export class FakeService implements Transport {
  readonly url = '/zoe/api/v1';
  readonly requests: string[] = [];
  readonly headers: Headers[] = [];
  readonly executions = new Map<string, Execution>();
  /** Answers before anything else is looked for; by method and path. */
  readonly answers = new Map<string, () => Response>();
  /** False: the network is broken. */
  there = true;
  /** True: whoever asks is never answered. */
  mute = false;
  /** Milliseconds that an answer takes. */
  delay = 0;
  private streams: ReadableStreamDefaultController<Uint8Array>[] = [];
  private seq = 0;
  private readonly told: { readonly seq: number; readonly text: string }[] = [];

  /** So many requests may be under way at once, as in a browser; the others stand in line. */
  lines = Infinity;
  private busy = 0;
  private readonly inLine: (() => void)[] = [];

  readonly fetch = async (url: string, init: RequestInit): Promise<Response> => {
    if (this.busy >= this.lines) {
      await new Promise<void>((resolve) => this.inLine.push(resolve));
    }
    this.busy += 1;
    try {
      init.signal?.throwIfAborted();
      const answer = this.answer(url, init);
      if (this.delay > 0) {
        await new Promise((resolve) => setTimeout(resolve, this.delay));
      }
      return await answer;
    } finally {
      this.busy -= 1;
      this.inLine.shift()?.();
    }
  };

  private answer(url: string, init: RequestInit): Promise<Response> {
    const asked = `${init.method ?? 'GET'} ${url.replace(this.url, '')}`;
    this.requests.push(asked);
    this.headers.push(new Headers(init.headers));
    if (!this.there) {
      return Promise.reject(new TypeError('Failed to fetch'));
    }
    if (this.mute) {
      return new Promise((_, reject) => {
        init.signal?.addEventListener('abort', () => reject(new DOMException('aborted', 'AbortError')));
      });
    }
    const prepared = this.answers.get(asked);
    if (prepared) {
      return Promise.resolve(prepared());
    }
    if (asked === 'GET /events') {
      return Promise.resolve(this.stream(init));
    }
    if (asked.startsWith('GET /executions?')) {
      const limit = Number(new URLSearchParams(asked.split('?')[1]).get('limit') ?? Infinity);
      const live = [...this.executions.values()].filter((each) => !each.ended);
      return Promise.resolve(json({ executions: live.slice(0, limit), total: live.length }));
    }
    const id = /^\w+ \/executions\/(\w+)/.exec(asked)?.[1] ?? '';
    const found = this.executions.get(id);
    return Promise.resolve(found ? json(found) : problem(404, 'UnknownName', `There is no execution ${id}.`));
  }

  /** Streams that are open now. */
  get open(): number {
    return this.streams.length;
  }

  has(change: Partial<Execution>): void {
    const made = execution(change);
    this.executions.set(made.id, made);
  }

  /** `now`: with the execution as it is. */
  tell(id: string, kind: ZoeEvent['kind'] = 'execution.state_changed', data: ZoeEvent['data'] = {}, now = false): void {
    this.seq += 1;
    const about = { seq: this.seq, time: '2026-01-01T00:00:00Z', owner: 'alice', execution: id, kind, data };
    const event = now ? { ...about, now: this.executions.get(id) } : about;
    const text = `id: ${this.seq}\nevent: ${kind}\ndata: ${JSON.stringify(event)}\n\n`;
    this.told.push({ seq: this.seq, text });
    this.say(text);
  }

  say(text: string): void {
    this.streams.forEach((stream) => stream.enqueue(new TextEncoder().encode(text)));
  }

  /** Cut all streams. */
  cut(): void {
    this.streams.splice(0).forEach((stream) => stream.error(new TypeError('network error')));
  }

  /** Everything that was told is told again behind the number that is asked for, and a connection that broke is none. */
  private stream(init: RequestInit): Response {
    const { signal } = init;
    const after = new Headers(init.headers).get('Last-Event-ID');
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.streams.push(controller);
        const missed = this.told.filter(({ seq }) => after !== null && seq > Number(after));
        missed.forEach(({ text }) => controller.enqueue(new TextEncoder().encode(text)));
        signal?.addEventListener('abort', () => {
          if (this.streams.includes(controller)) {
            this.streams = this.streams.filter((each) => each !== controller);
            controller.error(new DOMException('aborted', 'AbortError'));
          }
        });
      },
    });
    return new Response(body, { headers: { 'Content-Type': 'text/event-stream' } });
  }
}

export function json(document: unknown, status = 200): Response {
  return new Response(JSON.stringify(document), { status, headers: { 'Content-Type': 'application/json' } });
}

export function problem(status: number, kind: string, detail: string, more: Record<string, unknown> = {}): Response {
  return json({ type: `urn:zoe:problem:${kind}`, title: kind, status, detail, ...more }, status);
}

/** Waits until it is true; fails after a few seconds. */
export async function until(what: () => boolean, why = 'it did not happen'): Promise<void> {
  const end = Date.now() + 4000;
  while (!what()) {
    if (Date.now() > end) {
      throw new Error(why);
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
