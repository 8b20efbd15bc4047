/** Aborts, errors, escapes, checks of arguments. */
import { EventEmitter } from 'node:events';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { aborted, throwIfAborted, unlessAborted, whenAborted } from '../../src/base/abort.js';
import { asWardenError, errnoOf, ifReadable, reason, unlessMissing, WardenError } from '../../src/base/errors.js';
import { printable } from '../../src/base/escape.js';
import { checkOptions, type Checks, duration, fieldsOf, flag, fullText, integer, listOf, objectOf, oneOf, text, TIMEOUT_MS_MAX } from '../../src/base/validate.js';
import { thrownBy } from './help.js';

const test = suite('core: base');

function systemError(code: string, message = `${code}: words, open '/x'`): Error { return Object.assign(new Error(message), { code, syscall: 'open' }); }

test('a signal that is aborted later calls once', () => {
  const controller = new AbortController();
  let calls = 0;
  whenAborted(controller.signal, () => { calls++; });
  assert.is(calls, 0);
  controller.abort();
  controller.abort();
  assert.is(calls, 1);
});

test('a signal that is aborted already calls at once', () => {
  let calls = 0;
  whenAborted(AbortSignal.abort(), () => { calls++; });
  assert.is(calls, 1);
});

test('a listener that was removed is not called', () => {
  const controller = new AbortController();
  const remove = whenAborted(controller.signal, () => { throw new Error('called'); });
  remove();
  controller.abort();
});

test('without a signal nothing is called, and removing does nothing', () => { whenAborted(undefined, () => { throw new Error('called'); })(); });

test('a thousand callers are one listener', () => {
  const controller = new AbortController(), warnings: unknown[] = [];
  const onWarning = (warning: unknown): void => { warnings.push(warning); };
  process.on('warning', onWarning);
  for (let i = 0; i < 1_000; i++) whenAborted(controller.signal, () => undefined);
  process.off('warning', onWarning);
  assert.equal([warnings, EventEmitter.getEventListeners(controller.signal, 'abort').length], [[], 1]);
});

test('work that comes first is the result', async () => {
  assert.is(await unlessAborted(new AbortController().signal, Promise.resolve(5)), 5);
  assert.is(await unlessAborted(undefined, Promise.resolve(5)), 5);
});

test('an abort that comes first is ABORTED, with the signal\'s reason as its cause', async () => {
  const error = await unlessAborted(AbortSignal.abort('why'), new Promise(() => undefined)).catch((thrown: unknown) => thrown) as WardenError;
  assert.equal([error.code, error.isAborted, error.cause], ['ABORTED', true, 'why']);
});

test('throwIfAborted throws only then', () => {
  throwIfAborted(undefined);
  throwIfAborted(new AbortController().signal);
  assert.is(thrownBy(() => { throwIfAborted(AbortSignal.abort()); }).code, 'ABORTED');
  assert.is(aborted(undefined).message, 'ended by its own program');
});

test('errnoOf and reason read Node\'s errors of system calls', () => {
  assert.equal([errnoOf(systemError('ENOENT')), errnoOf(new Error('x')), errnoOf('ENOENT')], ['ENOENT', undefined, undefined]);
  assert.is(reason(systemError('ENOENT', 'ENOENT: no such file, rename \'/a\' -> \'/b\'')), 'ENOENT: no such file');
  assert.equal([reason(new Error('no, thanks')), reason('text'), reason(undefined)], ['no, thanks', 'text', 'undefined']);
});

test('asWardenError keeps a WardenError, and wraps everything else', () => {
  const own = new WardenError('LOST', 'x'), other = new Error('y');
  assert.is(asWardenError(own, 'INTERNAL', (why) => why), own);
  const wrapped = asWardenError(other, 'INTERNAL', (why) => `because ${why}`);
  assert.equal([wrapped.code, wrapped.message, wrapped.cause], ['INTERNAL', 'because y', other]);
});

test('what cannot be read is undefined, but running out of descriptors is an error', () => {
  assert.is(ifReadable(() => { throw systemError('ENOENT'); }), undefined);
  assert.is(ifReadable(() => 5), 5);
  for (const code of ['EMFILE', 'ENFILE', 'ENOMEM']) {
    assert.is(thrownBy(() => ifReadable(() => { throw systemError(code); })).code, 'UNSUPPORTED', code);
  }
});

test('unlessMissing ignores ENOENT alone', () => {
  unlessMissing(() => { throw systemError('ENOENT'); });
  assert.throws(() => { unlessMissing(() => { throw systemError('EACCES'); }); }, /EACCES/);
});

for (const [raw, shown] of [
  ['plain text', 'plain text'], ['tab\t', 'tab\\x09'], ['\x1b[31m', '\\x1b[31m'], ['a\u00a0b', 'a\\xa0b'], ['\u202e', '\\u{202e}'],
  ['\ud800', '\\u{d800}'], ['é 日本 🙂', 'é 日本 🙂'], ['\u{e0001}', '\\u{e0001}'], ['\n', '\\x0a'],
] as const) {
  test(`${JSON.stringify(raw)} is shown as ${shown}`, () => assert.is(printable(raw), shown));
}

test('durations and whole numbers have bounds', () => {
  for (const ms of [0, 1.5, TIMEOUT_MS_MAX]) duration('x', ms);
  for (const ms of [-1, NaN, Infinity, TIMEOUT_MS_MAX + 1, '5', null]) assert.match(thrownBy(() => { duration('graceMs', ms); }).message, /^graceMs must be /);
  for (const value of [2, 5]) integer(2, 5)('x', value);
  for (const value of [1, 6, 2.5, NaN, '3']) {
    assert.match(thrownBy(() => { integer(2, 5)('n', value); }).message, /^n must be a whole number from 2 to 5, not /);
  }
});

for (const [value, message] of [
  [5, 'x must be a string, not 5'], [undefined, 'x must be a string, not undefined'], [null, 'x must be a string, not null'],
  [[], 'x must be a string, not an array'], [{}, 'x must be a string, not an object'], [Symbol('s'), 'x must be a string, not a symbol'],
  [() => 5, 'x must be a string, not a function'], [5n, 'x must be a string, not 5'], [Buffer.from('a'), 'x must be a string, not an object'],
  ['a\0b', 'x contains a NUL: "a\\u0000b"'], ['\ud800', 'x is not well-formed Unicode: "\\ud800"'],
] as const) {
  test(`no text: ${message}`, () => {
    const error = thrownBy(() => { text('x', value); });
    assert.equal([error.code, error.message], ['USAGE', message]);
  });
}

test('a long wrong value is cut in the message', () => {
  assert.ok(thrownBy(() => { oneOf('a', 'b')('x', 'y'.repeat(1_000)); }).message.length < 120);
  assert.match(thrownBy(() => { oneOf('a', 'b')('x', 'c'); }).message, /^x must be 'a' or 'b', not "c"$/);
});

interface Options { name?: string | undefined; deep?: { a: boolean; b?: string }; list?: readonly string[] }
const CHECKS: Checks<Options> = {
  name: text, deep: objectOf<{ a: boolean; b?: string }>({ a: flag, b: fullText }, ['a']), list: listOf(text),
};

test('good options pass, undefined ones count as left out', () => {
  for (const options of [{}, { name: undefined }, { name: '', deep: { a: true }, list: ['x'] }]) checkOptions<Options>(options, CHECKS);
});

for (const [options, message] of [
  [null, 'the argument with options must be an object, not null'], [5, 'the argument with options must be an object, not 5'],
  [[], 'the argument with options must be an object, not an array'],
  [{ nmae: 'x' }, 'there is no option "nmae"; the options are name, deep, list'],
  [{ name: 5 }, 'name must be a string, not 5'], [{ deep: {} }, 'deep needs a'], [{ deep: { a: 1 } }, 'deep.a must be true or false, not 1'],
  [{ deep: { a: true, c: 1 } }, 'deep has no "c"; it can have a, b'], [{ deep: { a: true, b: '' } }, 'deep.b is empty'],
  [{ list: 'x' }, 'list must be an array, not "x"'], [{ list: ['x', 5] }, 'list[1] must be a string, not 5'],
  [{ list: ['x', , 'y'] }, 'list[1] must be a string, not undefined'],
] as const) {
  test(`wrong options: ${message}`, () => {
    const error = thrownBy(() => { checkOptions(options as Options, CHECKS); });
    assert.equal([error.code, error.message], ['USAGE', message]);
  });
}

test('fieldsOf reads anything', () => {
  for (const value of [null, undefined, 5, 'text', []]) assert.is(fieldsOf<{ a: 1 }>(value).a, undefined);
  assert.is(fieldsOf<{ a: 1 }>({ a: 1 }).a, 1);
});

test.run();
