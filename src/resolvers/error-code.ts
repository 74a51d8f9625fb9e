/** The enum ErrorCode. No field has it: it documents `extensions.code`, and gives clients a type for it. */
import { builder } from './builder.ts';
import { ERROR_CODES, type ErrorCode } from './error-codes.ts';

const values = Object.fromEntries(
  Object.entries(ERROR_CODES).map(([code, description]) => [code, { description }]),
) as Record<ErrorCode, { readonly description: string }>;

builder.enumType('ErrorCode', {
  description:
    'The values of `extensions.code`, which every error has. Use them, not the message, to decide what to do.',
  values,
});
