/** A ZApp's parameters as JSON Schema, refused and accepted as the service does. */

import type { RJSFSchema, UiSchema } from '@rjsf/utils';
import { exactBytes, parseBytes, type Parameter, type Scalar, type ZApp } from '@zoe-jupyter/api';
import type { Texts } from './texts.js';

export type Values = Readonly<Record<string, Scalar | undefined>>;

/** The name of the format in which amounts of memory are text. */
export const MEMORY = 'memory';

export function schemaOf(zapp: ZApp): RJSFSchema {
  const parameters = zapp.parameters ?? [];
  return {
    type: 'object',
    required: parameters.map((parameter) => parameter.name),
    properties: Object.fromEntries(parameters.map((parameter) => [parameter.name, propertyOf(parameter)])),
  };
}

function propertyOf(parameter: Parameter): RJSFSchema {
  const type = parameter.type ?? 'string';
  const schema: RJSFSchema = {
    title: labelOf(parameter),
    type: type === 'memory' ? 'string' : type,
  };
  if (parameter.help) {
    schema.description = parameter.help;
  }
  if (parameter.default !== null && parameter.default !== undefined) {
    schema.default = shown(parameter, parameter.default);
  }
  if (parameter.choices && parameter.choices.length > 0) {
    schema.enum = parameter.choices.map((choice) => shown(parameter, choice));
  }
  if (type === 'memory') {
    schema.format = MEMORY;
  } else if (type === 'string') {
    schema.maxLength = 4096;
    if (parameter.pattern) {
      schema.pattern = `^(?:${parameter.pattern})$`;
    }
  } else {
    if (typeof parameter.minimum === 'number') {
      schema.minimum = parameter.minimum;
    }
    if (typeof parameter.maximum === 'number') {
      schema.maximum = parameter.maximum;
    }
  }
  return schema;
}

/** Which widget each has. */
export function uiSchemaOf(zapp: ZApp): UiSchema<Values> {
  const entries = (zapp.parameters ?? []).map((parameter): [string, UiSchema<Values>] => [
    parameter.name,
    parameter.choices?.length
      ? { 'ui:widget': 'select' }
      : parameter.type === 'integer'
        ? { 'ui:widget': 'updown' }
        : {},
  ]);
  return { 'ui:submitButtonOptions': { norender: true }, ...Object.fromEntries(entries) };
}

/** What the fields hold before anybody has touched them. */
export function defaultsOf(zapp: ZApp): Values {
  return Object.fromEntries(
    (zapp.parameters ?? [])
      .filter((parameter) => parameter.default !== null && parameter.default !== undefined)
      .map((parameter) => [parameter.name, shown(parameter, parameter.default as Scalar)]),
  );
}

/** The same with the values of something that runs already, where they are known. */
export function valuesOf(zapp: ZApp, given: Readonly<Record<string, Scalar>>): Values {
  const entries = (zapp.parameters ?? [])
    .filter((parameter) => given[parameter.name] !== undefined)
    .map((parameter): [string, Scalar] => [parameter.name, shown(parameter, given[parameter.name] as Scalar)]);
  return { ...defaultsOf(zapp), ...Object.fromEntries(entries) };
}

/** Those of the values that are not what the ZApp would take by itself. */
export function changed(zapp: ZApp, values: Readonly<Record<string, Scalar>>): Record<string, Scalar> {
  const usual = defaultsOf(zapp);
  return Object.fromEntries(Object.entries(values).filter(([name, value]) => usual[name] !== value));
}

/** Fields that were emptied are left to the service's defaults. */
export function given(values: Values): Record<string, Scalar> {
  return Object.fromEntries(
    Object.entries(values).filter((entry): entry is [string, Scalar] => entry[1] !== undefined && entry[1] !== ''),
  );
}

/** What is wrong with an amount of memory; null: nothing. */
export function memoryFault(parameter: Parameter, value: unknown, trans: Texts): string | null {
  const amount = parseBytes(value);
  if (amount === null) {
    return trans.__('is no amount of memory; write a number and a unit, such as 512 MiB or 8 GiB');
  }
  const low = bound(parameter.minimum);
  const high = bound(parameter.maximum);
  if ((low !== null && amount < low) || (high !== null && amount > high)) {
    return outOfBounds(low === null ? null : exactBytes(low), high === null ? null : exactBytes(high), trans);
  }
  return null;
}

/** The sentence for a value that is too small or too large. */
export function outOfBounds(low: string | null, high: string | null, trans: Texts): string {
  if (low === null) {
    return trans.__('is out of bounds: at most %1', high ?? '');
  }
  return high === null
    ? trans.__('is out of bounds: at least %1', low)
    : trans.__('is out of bounds: from %1 to %2', low, high);
}

const bound = (value: unknown): number | null => (value === null || value === undefined ? null : parseBytes(value));

function shown(parameter: Parameter, value: Scalar): Scalar {
  return parameter.type === 'memory' && typeof value === 'number' ? exactBytes(value) : value;
}

/** What its field is called. */
export function labelOf(parameter: Parameter): string {
  return parameter.label || capitalised(parameter.name);
}

function capitalised(name: string): string {
  const words = name.replaceAll('_', ' ').toLowerCase();
  return words.charAt(0).toUpperCase() + words.slice(1);
}
