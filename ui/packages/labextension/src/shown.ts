/** What a kernel writes into a notebook where it shows a cluster. */

/** As `zoe_widgets.widget` writes it. */
export const MIME = 'application/vnd.zoe.execution.v1+json';

/** One execution, or all that is attached to a kernel. */
export type Shown = { readonly execution: string; readonly name: string } | { readonly kernel: string };

/** Null: nothing that this version knows. Anybody may have written it. */
export function shownOf(data: unknown): Shown | null {
  if (typeof data !== 'object' || data === null) {
    return null;
  }
  const { execution, name, kernel } = data as Readonly<Record<string, unknown>>;
  if (typeof execution === 'string' && execution !== '') {
    return { execution, name: typeof name === 'string' && name !== '' ? name : execution };
  }
  return typeof kernel === 'string' && kernel !== '' ? { kernel } : null;
}
