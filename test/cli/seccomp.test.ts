/** `warden seccomp`: what a wshd without the library is given. */
import { readFileSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { DEFAULT_FILTER } from '../../src/linux/filter.js';
import { scratch } from '../support/process.js';
import { main } from './help.js';

const test = suite('warden seccomp');
const files = scratch();
test.after(() => files.remove());

function seccomp(...args: string[]): { status: number | null; stdout: Buffer; stderr: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, 'seccomp', ...args]);
  return { status, stdout, stderr: stderr.toString() };
}

test('makes the filter of containers', () => {
  const { status, stdout, stderr } = seccomp();
  assert.equal([status, stderr], [0, '']);
  assert.ok(stdout.equals(readFileSync(DEFAULT_FILTER)));
  assert.not.ok(seccomp('--cap-add', 'SYS_ADMIN').stdout.equals(stdout));
});

test('makes that of a profile: the mark, the flags, instructions', () => {
  const file = join(files.path, 'profile.json');
  writeFileSync(file, '{"defaultAction": "SCMP_ACT_ALLOW", "flags": ["SECCOMP_FILTER_FLAG_LOG"]}');
  const { status, stdout } = seccomp(file);
  assert.equal([status, stdout.subarray(0, 4).toString(), stdout.readUInt32LE(4), stdout.length % 8], [0, 'BPFs', 2, 0]);
});

test('says what is no profile', () => {
  const { status, stdout, stderr } = seccomp('/dev/null');
  assert.equal([status, stdout.length], [2, 0]);
  assert.match(stderr, 'cannot read the seccomp profile /dev/null: it is not a regular file');
});

test.run();
