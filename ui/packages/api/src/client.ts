/** The operations of the REST interface, typed. */

import { Refusal, refusalOf, Unreachable } from './errors.js';
import type { Adaptation, Attachment, Execution, Me, Plan, Quota, Scalar, Shop, Submit } from './views.js';
import { within } from './within.js';

/** How requests travel: the host knows about cookies, tokens and XSRF. */
export interface Transport {
  /** Where the interface is, without a slash at its end: `…/zoe/api/v1`. */
  readonly url: string;
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
}

/** Which output of an execution is wanted. */
export interface LogWish {
  readonly process?: string;
  readonly ordinal?: number;
  readonly follow?: boolean;
  readonly tail?: number;
}

/** Milliseconds after which a question, or an order, without an answer is given up. Streams have watches of their own. */
const QUESTION = 30_000;
const ORDER = 60_000;

type Query = Readonly<Record<string, string | number | boolean | undefined>>;

/** All methods throw `Refusal` where the service says no, and `Unreachable` where no answer came. */
export class ZoeClient {
  /** Stands for the line that questions are asked over. */
  private line = new AbortController();

  constructor(private readonly transport: Transport) {}

  /**
   * The line is dead: nothing that was asked over it is waited for any more, as a browser has few lines (six, over
   * HTTP/1.1), and the next attempt needs one of them. What was ordered may have been heard, and is waited for.
   */
  drop(): void {
    this.line.abort();
    this.line = new AbortController();
  }

  me(signal?: AbortSignal): Promise<Me> {
    return this.get('/me', {}, signal);
  }

  shop(signal?: AbortSignal): Promise<Shop> {
    return this.get('/shop', {}, signal);
  }

  quota(signal?: AbortSignal): Promise<Quota> {
    return this.get('/quota', {}, signal);
  }

  /** Newest first. `live` leaves out what has ended. */
  async executions(live: boolean, signal?: AbortSignal): Promise<readonly Execution[]> {
    const query = live ? { live } : {};
    return (await this.get<{ executions: Execution[] }>('/executions', query, signal)).executions;
  }

  /** So many of those that live, the newest, and how many there are. */
  newest(limit: number, signal?: AbortSignal): Promise<{ executions: readonly Execution[]; total: number }> {
    return this.get('/executions', { live: true, limit }, signal);
  }

  execution(id: string, signal?: AbortSignal): Promise<Execution> {
    return this.get(`/executions/${encodeURIComponent(id)}`, {}, signal);
  }

  /** What would run, and whether it would start now. Stores nothing. */
  plan(submit: Submit, signal?: AbortSignal): Promise<Plan> {
    return this.send('POST', '/plans', submit, {}, signal);
  }

  /** Start it. A second call with the same `key` gives the same execution. */
  submit(submit: Submit, key: string): Promise<Execution> {
    return this.send('POST', '/executions', submit, { 'Idempotency-Key': key });
  }

  /** Change parameters that may change while it runs. */
  modify(id: string, parameters: Readonly<Record<string, Scalar>>): Promise<Execution> {
    return this.send('PATCH', `/executions/${encodeURIComponent(id)}`, { parameters });
  }

  terminate(id: string, keepalive = false): Promise<Execution> {
    return this.send('DELETE', `/executions/${encodeURIComponent(id)}`, undefined, {}, undefined, keepalive);
  }

  attach(id: string, attachment: Attachment): Promise<Execution> {
    return this.send('PUT', `/executions/${encodeURIComponent(id)}/attachment`, attachment);
  }

  detach(id: string): Promise<Execution> {
    return this.send('DELETE', `/executions/${encodeURIComponent(id)}/attachment`);
  }

  adapt(id: string, adaptation: Adaptation): Promise<Execution> {
    return this.send('PUT', `/executions/${encodeURIComponent(id)}/adaptation`, adaptation);
  }

  stopAdapting(id: string): Promise<Execution> {
    return this.send('DELETE', `/executions/${encodeURIComponent(id)}/adaptation`);
  }

  /** Keep it, though idle, for so many seconds from now; 0 takes that back. */
  keep(id: string, seconds: number): Promise<Execution> {
    return this.send('PUT', `/executions/${encodeURIComponent(id)}/keep-alive`, { seconds });
  }

  /** Output as it comes; ends when there is no more, or `signal` says so. */
  async *logs(id: string, wish: LogWish, signal: AbortSignal): AsyncGenerator<string, void, undefined> {
    const path = `/executions/${encodeURIComponent(id)}/logs${queryOf({ ...wish })}`;
    const response = await this.request(path, { headers: { Accept: 'text/plain' }, signal });
    yield* texts(response);
  }

  /** The stream of events of everything that one may see, after the event with this number; with executions, if it can. */
  events(after: number | null, signal: AbortSignal): Promise<Response> {
    const headers: Record<string, string> = { Accept: 'text/event-stream', Prefer: 'return=representation' };
    if (after !== null) {
      headers['Last-Event-ID'] = String(after);
    }
    return this.request('/events', { headers, signal });
  }

  private async get<T>(path: string, query: Query, signal?: AbortSignal): Promise<T> {
    return this.answered(path + queryOf(query), { headers: { Accept: 'application/json' } }, signal);
  }

  private async send<T>(
    method: string,
    path: string,
    body?: unknown,
    headers: Readonly<Record<string, string>> = {},
    signal?: AbortSignal,
    keepalive = false,
  ): Promise<T> {
    const init: RequestInit = { method, headers: { Accept: 'application/json', ...headers } };
    if (body !== undefined) {
      init.body = JSON.stringify(body);
      init.headers = { ...init.headers, 'Content-Type': 'application/json' };
    }
    if (keepalive) {
      init.keepalive = true;
    }
    return this.answered(path, init, signal);
  }

  /** All of the answer, within a bounded time; of a question, no longer than the line is thought to stand. */
  private async answered<T>(path: string, init: RequestInit, signal?: AbortSignal): Promise<T> {
    const question = init.method === undefined;
    const wanted = question ? [signal, this.line.signal] : [signal];
    try {
      return await within(question ? QUESTION : ORDER, wanted, async (limit) => {
        const response = await this.request(path, { ...init, signal: limit });
        return (await response.json()) as T;
      });
    } catch (error) {
      if (error instanceof Refusal || error instanceof Unreachable || signal?.aborted) {
        throw error;
      }
      // It was given up, or cut.
      throw new Unreachable(error);
    }
  }

  private async request(path: string, init: RequestInit): Promise<Response> {
    let response: Response;
    try {
      response = await this.transport.fetch(this.transport.url + path, init);
    } catch (error) {
      if (init.signal?.aborted) {
        throw error;
      }
      throw new Unreachable(error);
    }
    if (!response.ok) {
      throw await refusalOf(response);
    }
    return response;
  }
}

/** The body's text, chunk by chunk; characters that two chunks share are whole. */
export async function* texts(response: Response): AsyncGenerator<string, void, undefined> {
  if (response.body === null) {
    return;
  }
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      const text = decoder.decode(value, { stream: !done });
      if (text !== '') {
        yield text;
      }
      if (done) {
        return;
      }
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

function queryOf(query: Query): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined);
  return given.length === 0
    ? ''
    : `?${new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString()}`;
}
