/** Why there is no connection, as a person is told. */

import { Refusal } from './errors.js';

/**
 * `offline`: the browser has no network. `unreachable`: nobody answers. `silent`: neither an event nor a sign of life
 * came for too long. `closed`: it was ended from the other side. `refused`: `said` is what the service says of it.
 */
export type Loss =
  | { readonly why: 'offline' | 'unreachable' | 'silent' | 'closed' }
  | { readonly why: 'refused'; readonly said: string };

/** That with which a request, or the reading of its answer, failed. */
export function lossOf(error: unknown): Loss {
  if (error instanceof Refusal) {
    return { why: 'refused', said: error.message };
  }
  return { why: globalThis.navigator?.onLine === false ? 'offline' : 'unreachable' };
}
