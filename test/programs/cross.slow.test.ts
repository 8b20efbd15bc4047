/**
 * The native programs for other processors: cross-compiled with the flags and warnings of shim/Makefile, and run by qemu-user
 * where no child is needed. qemu-user does not emulate clone(2) with CLONE_VM but no thread, so programs that spawn only
 * compile.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { packageRoot, programPath } from '../../src/base/paths.js';
import { crossBuild, crossCompiler } from '../../tools/build/cross.js';
import { type Architecture, readTable } from '../../tools/kernel/syscalls.js';
import { source } from '../boundary/sources.js';
import { scratch } from '../support/process.js';
import { noPrograms, unless } from '../support/skip.js';

/** e_machine of an ELF header: elf(5). */
const MACHINE_AT = 18;

interface Processor { readonly name: string; readonly machine: Architecture; readonly elf: number }
const PROCESSORS: readonly Processor[] = [{ name: 'arm64', machine: 'aarch64', elf: 183 }, { name: 'riscv64', machine: 'riscv64', elf: 243 }];

function whatIsMissing({ machine }: Processor): string | undefined {
  const missing = [crossCompiler(machine), `qemu-${machine}-static`].find((command) => spawnSync(command, ['--version']).status !== 0);
  if (missing !== undefined) return `${missing} is not installed`;
  const headers = `/usr/${machine}-linux-gnu/include/asm/unistd.h`;
  return existsSync(headers) ? undefined : `${headers} is missing`;
}

for (const processor of PROCESSORS) {
  const { name, machine, elf } = processor, compiler = crossCompiler(machine), emulator = `qemu-${machine}-static`;
  const programs = suite(`the native programs for ${name}`), directory = `${packageRoot}build/cross/${machine}`;
  const test = unless(noPrograms ?? whatIsMissing(processor), programs);

  test('compile without a warning, as static executables', () => {
    crossBuild(machine, 'native');
    for (const program of ['wshd', 'wsh', 'iomux-spawn', 'iomux-link', 'oom', 'monitor', 'warden-runtime']) {
      assert.is(readFileSync(`${directory}/bin/${program}`).readUInt16LE(MACHINE_AT), elf, program);
    }
  });

  test('have filters with the numbers of its system calls', () => {
    const table = readTable(/`([^`]*)`/.exec(source('assembly/lib/seccomp/syscalls.ts'))![1]!);
    // What is newer than the headers is not defined there.
    const lines = [...table].flatMap(([call, { [machine]: number }]) => (number === undefined
      ? [`#ifdef __NR_${call}`, `#error "${name} has ${call}"`, '#endif']
      : [`#ifdef __NR_${call}`, `_Static_assert(__NR_${call} == ${number}, "${call}");`, '#endif']));
    const { status, stderr } = spawnSync(compiler, ['-fsyntax-only', '-x', 'c', '-'], { input: `#include <asm/unistd.h>\n${lines.join('\n')}\n`, encoding: 'utf8' });
    assert.is(status, 0, stderr);
    assert.is(readFileSync(`${directory}/lib/seccomp.filter`).readUInt32LE(8 + 8 + 4), [0xc00000b7, 0xc00000f3][PROCESSORS.indexOf(processor)]);
  });

  test('iomux-link carries the output and exit code of a job that runs on this machine', async () => {
    const job = scratch();
    const spawned = spawn(programPath('iomux-spawn'), ['--linger', '30', job.path, 'sh', '-c', 'seq 20000; exit 4'], { stdio: ['ignore', 'pipe', 'inherit'] });
    const closed = once(spawned, 'close');
    try {
      await once(spawned.stdout, 'data');
      const link = spawnSync(emulator, [`${directory}/bin/iomux-link`, '-w', `${job.path}/cursor`, job.path], { encoding: 'utf8' });
      assert.is(link.status, 4, link.stderr);
      assert.is(link.stdout.split('\n').length, 20_001);
      assert.is(readFileSync(`${job.path}/cursor`).readUInt32BE(0), link.stdout.length);
    } finally {
      spawned.kill();
      await closed;
      job.remove();
    }
  });

  test('wsh reports a socket that nobody serves', () => {
    const ended = spawnSync(emulator, [`${directory}/bin/wsh`, '--socket', `${directory}/none`, 'true'], { encoding: 'utf8' });
    assert.is(ended.status, 255);
    assert.match(ended.stderr, /^wsh: cannot connect to .*: no such file or directory; is wshd running/);
  });

  programs.run();
}
