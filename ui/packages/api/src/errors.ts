/** What can go wrong when the service is asked. */

import type { Problem } from './views.js';

/** The service answered with a problem (RFC 9457). The message may be shown. */
export class Refusal extends Error {
  override readonly name = 'Refusal';

  constructor(
    readonly problem: Problem,
    readonly retryAfter: number | null = null,
  ) {
    super(problem.detail);
  }

  /** The error's name, such as `QuotaExceeded`. */
  get kind(): string {
    return this.problem.type.replace(/^urn:zoe:problem:/, '');
  }

  /** Whether the same request may succeed a moment later. */
  get passing(): boolean {
    return this.problem.status === 429 || this.problem.status >= 502;
  }
}

/** No answer came: the connection is broken or the Jupyter server is away. */
export class Unreachable extends Error {
  override readonly name = 'Unreachable';

  constructor(cause: unknown) {
    super('The Jupyter server does not answer.', { cause });
  }
}

/** The problem that an answer holds; of an answer without one, a problem that says so. */
export async function refusalOf(response: Response): Promise<Refusal> {
  const wait = Number(response.headers.get('Retry-After') ?? '');
  const retryAfter = Number.isFinite(wait) && wait > 0 ? wait : null;
  let document: unknown = null;
  try {
    document = await response.json();
  } catch {
    // Not Zoe's: a proxy's page, say.
  }
  if (isProblem(document)) {
    return new Refusal(document, retryAfter);
  }
  const detail = `The server answered ${response.status} ${response.statusText}`.trimEnd() + '.';
  return new Refusal({ type: 'about:blank', title: response.statusText, status: response.status, detail }, retryAfter);
}

function isProblem(document: unknown): document is Problem {
  return (
    typeof document === 'object' &&
    document !== null &&
    typeof (document as Partial<Problem>).detail === 'string' &&
    typeof (document as Partial<Problem>).type === 'string' &&
    typeof (document as Partial<Problem>).status === 'number'
  );
}
