/** What npm's `prepare` does on machines that are not this one: tools/build/prepare.mjs. */
import { pathToFileURL } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { packageRoot } from '../../src/base/paths.js';

interface Machine {
  root: string; platform: string; arch: string; missing: readonly string[]; command: string | undefined;
  isBuilt: boolean; hasPrograms: boolean; isWritable: boolean; hasCompilers: boolean;
}
interface Plan { script?: string; sentence?: string }

const { plan } = await import(pathToFileURL(`${packageRoot}tools/build/prepare.mjs`).href) as { plan(machine: Machine): Plan };
/** A fresh clone of a user with all tools. */
const CLONE: Machine = {
  root: '/clone', platform: 'linux', arch: 'x64', missing: [], command: 'ci', isBuilt: false, hasPrograms: false, isWritable: true, hasCompilers: true,
};
const prepare = suite('prepare');

prepare('builds all where the tools are', () => {
  for (const arch of ['x64', 'arm64']) assert.equal(plan({ ...CLONE, arch }), { script: 'build' });
});

prepare('names each missing tool with its package, and builds the rest', () => {
  const { script, sentence } = plan({ ...CLONE, missing: ['make', 'cc', 'g++'] });
  assert.is(script, 'build:portable');
  assert.match(sentence ?? '', /^the native programs are not built, missing make, cc, g\+\+ \(apt-get install make gcc g\+\+\): containers do not work here/);
  assert.match(plan({ ...CLONE, missing: ['g++'], hasPrograms: true }).sentence ?? '', /^the native programs stay as they are, missing g\+\+ \(apt-get install g\+\+\)$/);
});

prepare('builds the portable half on systems and processors without native programs', () => {
  for (const [platform, arch] of [['darwin', 'arm64'], ['win32', 'x64'], ['linux', 'riscv64']] as const) {
    const { script, sentence } = plan({ ...CLONE, platform, arch, missing: ['make', 'cc', 'g++'] });
    assert.is(script, 'build:portable');
    assert.ok(sentence?.includes(`for Linux on x86-64 and arm64, and this is ${platform} on ${arch}`), sentence);
    assert.not.match(sentence ?? '', /apt-get/);
  }
});

prepare('leaves a checkout alone that is read-only or another user\'s', () => {
  assert.equal(plan({ ...CLONE, isBuilt: true, isWritable: false }), {});
  assert.match(plan({ ...CLONE, isWritable: false }).sentence ?? '', /^\/clone is not built, and this user cannot write there/);
});

prepare('leaves a checkout alone that has no compilers', () => {
  assert.equal(plan({ ...CLONE, isBuilt: true, hasCompilers: false }), {});
  assert.match(plan({ ...CLONE, hasCompilers: false }).sentence ?? '', /has no compilers: run `npm ci` there/);
});

prepare('does not build again for npx, whose user sees nothing of it', () => {
  assert.equal(plan({ ...CLONE, command: 'exec', isBuilt: true }), {});
  assert.equal(plan({ ...CLONE, command: 'exec' }), { script: 'build' });
  assert.equal(plan({ ...CLONE, command: 'test', isBuilt: true }), { script: 'build' });
});

prepare.run();
