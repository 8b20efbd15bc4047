/** Requests that a wshd must not take, each wrong in one place; made field by field, so that no offset is stated. */
import { encode, fieldsOf, type Given, type Value } from '../wire/message.js';
import type { Codec } from '../wire/codec-module.js';

export interface BadRequest { name: string; bytes: Uint8Array }

/** `padded`: a good one with other bytes than zeros wherever nobody looks. */
export function badRequests(codec: Codec): { bad: BadRequest[]; padded: Uint8Array } {
  const fields = fieldsOf(codec, 'request');
  const filled = (name: string): Uint8Array => new Uint8Array(fields.find((field) => field.name === name)!.size).fill(0x78);
  const good: Record<string, Value> = { 'arguments': ['true'], 'limit-0-id': 7n, 'limit-0-soft': 64n, 'limit-0-hard': 64n };
  const made = (changed: Record<string, Value>, more: Omit<Given, 'fields'> = {}): Uint8Array => (
    encode(codec, 'request', { fields: { ...good, ...changed }, ...more })
  );
  const whole = made({});
  const wrong: [string, Record<string, Value>][] = [
    ['version 0', { version: 0n }],
    ['version 2', { version: 2n }],
    ['tty 2', { tty: 2n }],
    ['-1 arguments', { 'argument-count': -1n }],
    ['more arguments than a request has bytes for', { 'argument-count': 8193n }],
    ['2^31 - 1 arguments', { 'argument-count': 2n ** 31n - 1n }],
    ['an argument without an end', { 'arguments': filled('arguments'), 'argument-count': 1n }],
    ['more arguments than texts', { 'argument-count': 8192n }],
    ['-1 limits', { 'limit-count': -1n }],
    ['17 limits', { 'limit-count': 17n }],
    ['a limit that Linux does not have', { 'limit-0-id': 16n }],
    ['a user name without an end', { user: filled('user') }],
    ['a LANG without an end', { lang: filled('lang') }],
  ];
  const unread = fields.filter(({ kind, group }) => kind === 'unused' || (group ?? 0) > 0);
  const padding: Record<string, Value> = Object.fromEntries(unread.map(({ name, size }) => [name, new Uint8Array(size).fill(0xff)]));
  const behind = Uint8Array.from([...Buffer.from('true\0'), ...filled('arguments').subarray(5)]);
  return {
    bad: [
      { name: 'one byte too many', bytes: made({}, { size: whole.length + 1 }) },
      { name: 'two requests in one', bytes: made({}, { surplus: whole }) },
      ...wrong.map(([name, changed]) => ({ name, bytes: made(changed) })),
      { name: 'zeros', bytes: new Uint8Array(whole.length) },
    ],
    padded: made({ ...padding, 'arguments': behind, 'argument-count': 1n, 'limit-count': 1n }),
  };
}
