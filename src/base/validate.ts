/**
 * Checks of what callers pass. TypeScript's types are gone at run time, and a wrong value must not be taken for another one. Each
 * failure is a WardenError with the code USAGE, whose message names the argument.
 */
import { constants } from 'node:os';
import { WardenError } from './errors.js';

/** The longest time that a Node timer takes: 24 days. */
export const TIMEOUT_MS_MAX = 2 ** 31 - 1;
/** Characters of a wrong value that a message shows. */
const SHOWN_MAX = 60;

export function usage(sentence: string, options?: ErrorOptions): WardenError { return new WardenError('USAGE', sentence, options); }

/** Throws USAGE unless `value` is valid. `name` is what the caller knows the value by: "timeoutMs", "argument 2". */
export type Check = (name: string, value: unknown) => void;

/** A check for each option. An option without a check is an error of the compiler. */
export type Checks<Options> = { readonly [Name in keyof Required<Options>]: Check };

function shown(value: unknown): string {
  if (typeof value === 'string') return value.length <= SHOWN_MAX ? JSON.stringify(value) : `${JSON.stringify(value.slice(0, SHOWN_MAX))}…`;
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'symbol') return 'a symbol';
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}

/** The error for a value that is not what it must be: "timeoutMs must be a number, not "5"". */
export function mustBe(name: string, what: string, value: unknown): WardenError { return usage(`${name} must be ${what}, not ${shown(value)}`); }

/** A check by a predicate. */
export function check(what: string, isValid: (value: unknown) => boolean): Check {
  return (name, value) => { if (!isValid(value)) throw mustBe(name, what, value); };
}

/** Text that reaches a program unchanged: no NUL, which would end the text, and no half of a surrogate pair, which UTF-8 does not have. */
export function text(name: string, value: unknown): void {
  if (typeof value !== 'string') throw mustBe(name, 'a string', value);
  if (value.includes('\0')) throw usage(`${name} contains a NUL: ${shown(value)}`);
  if (/\p{Surrogate}/u.test(value)) throw usage(`${name} is not well-formed Unicode: ${shown(value)}`);
}

/** A path, or a name: text that is not empty. */
export function fullText(name: string, value: unknown): void {
  text(name, value);
  if (value === '') throw usage(`${name} is empty`);
}

export const flag = check('true or false', (value) => typeof value === 'boolean');
export const callback = check('a function', (value) => typeof value === 'function');
export const abortSignal = check('an AbortSignal', (value) => value instanceof AbortSignal);
export const descriptor = check('the number of a descriptor', (value) => Number.isInteger(value) && (value as number) >= 0 && (value as number) < 2 ** 31);

export const signalName = check('the name of a signal, such as \'SIGTERM\'', (value) => (
  typeof value === 'string' && Object.hasOwn(constants.signals, value)
));

const SIGNAL_MAX = 64;

/** The number of a signal that is given by its name or its number. Throws USAGE. */
export function signalNumber(name: string, value: unknown): number {
  if (typeof value === 'string' && Object.hasOwn(constants.signals, value)) return constants.signals[value as NodeJS.Signals];
  if (Number.isInteger(value) && (value as number) >= 1 && (value as number) <= SIGNAL_MAX) return value as number;
  throw mustBe(name, 'the name or the number of a signal, such as \'SIGTERM\' or 15', value);
}

export function integer(least: number, most: number): Check {
  return check(`a whole number from ${least} to ${most}`, (value) => Number.isInteger(value) && (value as number) >= least && (value as number) <= most);
}

/** Milliseconds that a timer takes. */
export const duration = check(`milliseconds from 0 to ${TIMEOUT_MS_MAX}`, (value) => (
  typeof value === 'number' && value >= 0 && value <= TIMEOUT_MS_MAX
));

export function oneOf(...values: readonly string[]): Check {
  return check(values.map((value) => `'${value}'`).join(' or '), (value) => values.includes(value as string));
}

/** An array whose elements all pass; `nameOf` names an element by its index. */
export function listOf(each: Check, nameOf: (name: string, index: number) => string = (name, index) => `${name}[${index}]`): Check {
  return (name, value) => {
    if (!Array.isArray(value)) throw mustBe(name, 'an array', value);
    // By index: `forEach` would leave out holes.
    for (let index = 0; index < value.length; index++) each(nameOf(name, index), value[index]);
  };
}

/** An object with no other names than those of `checks`. What is undefined counts as left out, unless it is required. */
export function objectOf<Shape>(checks: Checks<Shape>, required: readonly (keyof Shape & string)[] = []): Check {
  return (name, value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw mustBe(name, 'an object', value);
    const known = Object.keys(checks), unknown = Object.keys(value).find((key) => !known.includes(key));
    if (unknown !== undefined) throw unknownName(name, unknown, known);
    const fields = value as Record<string, unknown>, each = checks as Readonly<Record<string, Check>>;
    for (const key of known) {
      if (fields[key] !== undefined) each[key]!(name === OPTIONS ? key : `${name}.${key}`, fields[key]);
      else if (required.includes(key as keyof Shape & string)) throw usage(`${name} needs ${key}`);
    }
  };
}

function unknownName(name: string, unknown: string, known: readonly string[]): WardenError {
  if (name === OPTIONS) return usage(`there is no option ${shown(unknown)}; the options are ${known.join(', ')}`);
  return usage(`${name} has no ${shown(unknown)}; it can have ${known.join(', ')}`);
}

/** How messages call an argument with options, whose fields are then called by their names alone. */
const OPTIONS = 'the argument with options';

/** Throws USAGE unless `options` is an object whose names are all known, and whose values all pass. */
export function checkOptions<Options>(options: Options, checks: Checks<Options>): void { objectOf<Options>(checks)(OPTIONS, options); }

/** The properties of anything, as unknown values: also of null, undefined and primitives, which have none. */
export function fieldsOf<Shape>(value: unknown): Partial<Record<keyof Shape, unknown>> {
  return Object(value) as Partial<Record<keyof Shape, unknown>>;
}
