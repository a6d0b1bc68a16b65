/** What the service thinks of a wish, asked again whenever the wish rests. */

import { useEffect, useState } from 'react';
import { Refusal, type Plan, type Scalar, type ZApp } from '@zoe-jupyter/api';
import { given, type Values } from './parameters.js';
import type { Preview } from './PlanPreview.js';

/** Milliseconds after the last key at which it is asked. */
const REST = 300;

/** Gives the plan of a ZApp with these parameters, or fails with a sentence for people. Whoever stops it wants none. */
export type AskPlan = (zapp: string, parameters: Record<string, Scalar>, stop: AbortSignal) => Promise<Plan>;

/** `ask` is the same function as long as the same service is asked. Nothing is asked while the form is not `valid`. */
export function usePreview(ask: AskPlan, zapp: ZApp, values: Values, valid: boolean): Preview {
  const [preview, setPreview] = useState<Preview>({ kind: 'asking' });
  useEffect(() => {
    if (!valid) {
      setPreview({ kind: 'none' });
      return;
    }
    const stop = new AbortController();
    setPreview((before) => (before.kind === 'plan' ? before : { kind: 'asking' }));
    const timer = setTimeout(() => {
      ask(zapp.name, given(values), stop.signal).then(
        (plan) => stop.signal.aborted || setPreview({ kind: 'plan', plan }),
        (error: unknown) => stop.signal.aborted || setPreview(refusal(error)),
      );
    }, REST);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [ask, zapp, values, valid]);
  return preview;
}

function refusal(error: unknown): Preview {
  const sentence = error instanceof Error ? error.message : String(error);
  const parameter = error instanceof Refusal ? error.problem.parameter : null;
  return { kind: 'refused', sentence, parameters: parameter ? { [parameter]: sentence } : {} };
}
