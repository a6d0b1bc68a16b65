/** The form of a ZApp's parameters, checked while it is typed in. Loaded when it is first needed. */

import { useMemo, type ReactElement } from 'react';
import FormModule from '@rjsf/core';
import type { ErrorSchema, FormValidation, RJSFSchema, RJSFValidationError } from '@rjsf/utils';
import { customizeValidator } from '@rjsf/validator-ajv8';
import { parseBytes, type ZApp } from '@zoe-jupyter/api';
import { MEMORY, memoryFault, outOfBounds, schemaOf, uiSchemaOf, type Values } from './parameters.js';
import { useTexts, type Texts } from './texts.js';

export interface ZAppFormProps {
  readonly zapp: ZApp;
  readonly values: Values;
  /** What the service refused, by parameter. */
  readonly refused: Readonly<Record<string, string>>;
  readonly disabled: boolean;
  /** With every change: the values, and whether nothing is wrong with them. */
  readonly onChange: (values: Values, valid: boolean) => void;
}

const Form = FormModule;
const validator = customizeValidator<Values>({
  customFormats: { [MEMORY]: (text: string) => parseBytes(text) !== null },
});

export default function ZAppForm({ zapp, values, refused, disabled, onChange }: ZAppFormProps): ReactElement {
  const trans = useTexts();
  const schema = useMemo(() => schemaOf(zapp), [zapp]);
  const uiSchema = useMemo(() => uiSchemaOf(zapp), [zapp]);
  const extra = useMemo(() => errorsOf(refused), [refused]);
  const check = (data: Values | undefined, errors: FormValidation<Values>): FormValidation<Values> => {
    for (const parameter of zapp.parameters ?? []) {
      const value = data?.[parameter.name];
      // The format says that it is none; this, that it is too small or too large.
      if (parameter.type === 'memory' && parseBytes(value) !== null) {
        const fault = memoryFault(parameter, value, trans);
        if (fault !== null) {
          errors[parameter.name]?.addError(fault);
        }
      }
    }
    return errors;
  };
  return (
    <Form<Values>
      className="zoe-form"
      tagName="div"
      idPrefix={`zoe-${zapp.name}`}
      schema={schema}
      uiSchema={uiSchema}
      formData={values}
      validator={validator}
      liveValidate
      showErrorList={false}
      disabled={disabled}
      customValidate={check}
      transformErrors={(errors) => errors.map((error) => said(error, schema, trans))}
      extraErrors={extra}
      onChange={(event) => onChange(event.formData ?? {}, isValid(event.formData ?? {}, schema, check))}
    />
  );
}

function isValid(
  values: Values,
  schema: RJSFSchema,
  check: (data: Values | undefined, errors: FormValidation<Values>) => FormValidation<Values>,
): boolean {
  return validator.validateFormData(values, schema, check).errors.length === 0;
}

function errorsOf(refused: Readonly<Record<string, string>>): ErrorSchema<Values> {
  return Object.fromEntries(
    Object.entries(refused).map(([name, sentence]) => [name, { __errors: [sentence] }]),
  ) as ErrorSchema<Values>;
}

/** The service's own words for what ajv found. */
function said(error: RJSFValidationError, schema: RJSFSchema, trans: Texts): RJSFValidationError {
  const name = (error.property ?? '').replace(/^\./, '');
  const property = schema.properties?.[name];
  const given = typeof property === 'object' ? property : {};
  const message = (): string => {
    switch (error.name) {
      case 'required':
        return trans.__('is needed');
      case 'type':
        return given.type === 'integer' ? trans.__('is no whole number') : trans.__('is no %1', String(given.type));
      case 'minimum':
      case 'maximum':
        return outOfBounds(textOf(given.minimum), textOf(given.maximum), trans);
      case 'pattern':
        return trans.__('does not match %1', String(given.pattern ?? '').replace(/^\^\(\?:(.*)\)\$$/s, '$1'));
      case 'format':
        return trans.__('is no amount of memory; write a number and a unit, such as 512 MiB or 8 GiB');
      case 'enum':
        return trans.__('is none of the choices');
      default:
        return error.message ?? trans.__('is not accepted');
    }
  };
  return { ...error, message: message() };
}

const textOf = (value: number | undefined): string | null => (value === undefined ? null : String(value));
