/** Questions that end, whether they are answered or not. */

/**
 * What `ask` gives. Its signal says when that takes more than `limit` milliseconds, or when one of `wanted` does: what
 * has not come then is not waited for, and the line that it was asked over is free for others.
 */
export async function within<T>(
  limit: number,
  wanted: readonly (AbortSignal | undefined)[],
  ask: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const either = new AbortController();
  const stop = (): void => either.abort();
  const timer = setTimeout(stop, limit);
  for (const each of wanted) {
    each?.addEventListener('abort', stop);
    if (each?.aborted) {
      stop();
    }
  }
  try {
    return await ask(either.signal);
  } finally {
    clearTimeout(timer);
    wanted.forEach((each) => each?.removeEventListener('abort', stop));
  }
}
