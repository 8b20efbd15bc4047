import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { packageRoot } from '../../src/base/paths.js';
import { decodeRequest, encodeRequest, type Request, UNLIMITED } from '../../src/wire/codec.js';
import { bytesOf, REQUEST_BYTES, requestOf, vectors } from './vectors.js';

const codec = suite('the codec');

const plain: Request = { argv: ['true'], user: '', lang: '', tty: false, limits: [] };
const i32 = (value: number): Buffer => Buffer.from(new Int32Array([value]).buffer);

/** A good request with some of its bytes replaced; offsets as in the specification. */
function patched(...patches: [at: number, bytes: Buffer][]): Buffer {
  const message = encodeRequest({ ...plain, user: 'vcap', lang: 'C', limits: [{ id: 7, soft: 1n, hard: 2n }] });
  for (const [at, bytes] of patches) bytes.copy(message, at);
  return message;
}

for (const vector of vectors) {
  codec(`${vector.file}: makes the original's bytes`, () => {
    const message = encodeRequest(requestOf(vector));
    assert.is(message.length, vector.bytes);
    assert.ok(message.equals(bytesOf(vector)), 'the bytes differ');
    assert.is(createHash('sha256').update(message).digest('hex'), vector.sha256);
  });

  codec(`${vector.file}: reads the original's bytes`, () => {
    assert.equal(decodeRequest(bytesOf(vector)), { request: requestOf(vector) });
  });
}

codec('reads what it made, up to the largest that fits', () => {
  const largest: Request = {
    argv: ['é'.repeat(2000), ...Array.from({ length: 2095 }, () => 'x'), ''],
    user: 'u'.repeat(31),
    lang: 'l'.repeat(1023),
    tty: true,
    limits: Array.from({ length: 16 }, (_, id) => ({ id, soft: UNLIMITED - BigInt(id), hard: UNLIMITED })),
  };
  assert.is(Buffer.byteLength(largest.argv.join('\0')) + 1, 8192);
  assert.equal(decodeRequest(encodeRequest(largest)), { request: largest });
  assert.equal(decodeRequest(encodeRequest({ ...plain, argv: Array.from({ length: 8192 }, () => '') })).request?.argv.length, 8192);
});

codec('leaves nothing of one request in the next', () => {
  const before = encodeRequest(plain);
  encodeRequest({ argv: ['a'.repeat(8191)], user: 'somebody', lang: 'zh_CN.UTF-8', tty: true, limits: [{ id: 1, soft: 1n, hard: 1n }] });
  assert.ok(encodeRequest(plain).equals(before));
});

const misfits: Record<string, [Partial<Request>, RegExp]> = {
  'an argument that is too long': [{ argv: ['x'.repeat(8192)] }, /argument 0 does not fit/],
  'an argument longer than any buffer': [{ argv: ['ok', 'x'.repeat(1 << 20)] }, /argument 1 does not fit/],
  'arguments that are too long together': [{ argv: ['x'.repeat(8000), 'x'.repeat(192)] }, /argument 1 does not fit/],
  'too many arguments': [{ argv: Array.from({ length: 8193 }, () => '') }, /argument 8192 does not fit/],
  'an argument with a NUL': [{ argv: ['a\0b'] }, /argument 0 has a NUL/],
  'a long user name': [{ user: 'u'.repeat(32) }, /user name does not fit/],
  'a user name with a NUL': [{ user: 'root\0' }, /user name has a NUL/],
  'a long LANG': [{ lang: 'l'.repeat(1024) }, /LANG does not fit/],
  'too many limits': [{ limits: Array.from({ length: 17 }, () => ({ id: 0, soft: 0n, hard: 0n })) }, /more limits than a request holds/],
  'a negative limit': [{ limits: [{ id: 7, soft: -1n, hard: 0n }] }, /limit 7 is negative/],
  'a limit of more than 64 bits': [{ limits: [{ id: 7, soft: 0n, hard: 2n ** 64n }] }, /limit 7 .* 64 bits/],
  'a limit that Linux does not have': [{ limits: [{ id: 16, soft: 0n, hard: 0n }] }, /id that Linux does not know/],
};
for (const [what, [fields, words]] of Object.entries(misfits)) {
  codec(`does not make a request with ${what}`, () => {
    const saysWhy = (error: unknown): boolean => error instanceof RangeError && words.test(error.message);
    assert.throws(() => encodeRequest({ ...plain, ...fields }), saysWhy);
    assert.ok(decodeRequest(encodeRequest(plain)).request, 'and goes on');
  });
}

const verdicts: Record<string, [Buffer, verdict: number, words: RegExp]> = {
  'nothing': [Buffer.alloc(0), 1, /not whole/],
  'one byte too few': [patched().subarray(0, REQUEST_BYTES - 1), 1, /not whole/],
  'one byte too many': [Buffer.concat([patched(), Buffer.alloc(1)]), -1, /longer/],
  'many bytes too many': [Buffer.alloc(1 << 20), -1, /longer/],
  'version 0': [patched([0, i32(0)]), -2, /version 1/],
  'version 2': [patched([0, i32(2)]), -2, /version 1/],
  'a version of the other byte order': [patched([0, Buffer.from([0, 0, 0, 1])]), -2, /version 1/],
  'tty 2': [patched([4, i32(2)]), -3, /terminal/],
  'tty -1': [patched([4, i32(-1)]), -3, /terminal/],
  '-1 arguments': [patched([8, i32(-1)]), -4, /number of arguments/],
  'the lowest number of arguments': [patched([8, i32(-(2 ** 31))]), -4, /number of arguments/],
  'the highest number of arguments': [patched([8, i32(2 ** 31 - 1)]), -4, /number of arguments/],
  '8,193 arguments': [patched([8, i32(8193)]), -4, /number of arguments/],
  'more arguments than strings': [patched([8, i32(8192)]), -5, /argument has no end/],
  'an argument without an end': [patched([12, Buffer.alloc(8192, 'x')]), -5, /argument has no end/],
  'a last argument without an end': [patched([8, i32(2)], [17, Buffer.alloc(8187, 'x')]), -5, /argument has no end/],
  '-1 limits': [patched([8208, i32(-1)]), -6, /number of resource limits/],
  '17 limits': [patched([8208, i32(17)]), -6, /number of resource limits/],
  'the highest number of limits': [patched([8208, i32(2 ** 31 - 1)]), -6, /number of resource limits/],
  'limit 16': [patched([8216, i32(16)]), -7, /id/],
  'limit -1': [patched([8216, i32(-1)]), -7, /id/],
  'a user name without an end': [patched([8600, Buffer.alloc(32, 'u')]), -8, /user name has no end/],
  'a LANG without an end': [patched([8632, Buffer.alloc(1024, 'l')]), -9, /LANG has no end/],
};
for (const [what, [message, verdict, words]] of Object.entries(verdicts)) {
  codec(`refuses ${what}`, () => {
    const { refusal } = decodeRequest(message);
    assert.ok(refusal, 'it was taken for a request');
    assert.is(refusal.verdict, verdict);
    assert.is(refusal.incomplete, verdict === 1);
    assert.match(refusal.reason, words);
  });
}

codec('does not mind garbage in what a request does not use', () => {
  const paddings = [8204, 8212, 8220].map((at): [number, Buffer] => [at, i32(-1)]);
  const unused: [number, Buffer][] = [[17, Buffer.alloc(8187, 'x')], [8216 + 24, Buffer.alloc(15 * 24, 0xff)]];
  const { request } = decodeRequest(patched(...paddings, ...unused));
  assert.equal(request?.argv, ['true']);
  assert.equal(request?.limits, [{ id: 7, soft: 1n, hard: 2n }]);
});

codec('has words for each verdict that the programs know, and a case here', () => {
  const source = /enum Verdict \{([^}]*)\}/.exec(readFileSync(`${packageRoot}assembly/wire/request.ts`, 'utf8'))?.[1] ?? '';
  const known = [...source.matchAll(/= (-?\d+)/g)].map((match) => Number(match[1])).filter((verdict) => verdict !== 0);
  assert.equal(known.sort(), [...new Set(Object.values(verdicts).map(([, verdict]) => verdict))].sort());
  for (const [message] of Object.values(verdicts)) assert.not.match(decodeRequest(message).refusal!.reason, /^verdict/);
});

codec.run();
