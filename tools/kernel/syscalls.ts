/**
 * Prints the numbers of Linux's system calls, from the kernel's headers in Debian's linux-libc-dev, as the source of
 * assembly/lib/seccomp/syscalls.ts.
 *
 *   node build/js/tools/kernel/syscalls.js >assembly/lib/seccomp/syscalls.ts
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const ARCHITECTURES = ['x86_64', 'x86', 'x32', 'aarch64', 'riscv64'] as const;
export type Architecture = typeof ARCHITECTURES[number];
export type Numbers = Partial<Record<Architecture, number>>;

const HEADERS = '/usr/include/x86_64-linux-gnu/asm';

/** System calls that are newer than those headers: they have the same number on every architecture. */
export const NEWER: Readonly<Record<string, number>> = {
  cachestat: 451, fchmodat2: 452, map_shadow_stack: 453, futex_wake: 454, futex_wait: 455, futex_requeue: 456, statmount: 457,
  listmount: 458, lsm_get_self_attr: 459, lsm_set_self_attr: 460, lsm_list_modules: 461, mseal: 462, setxattrat: 463, getxattrat: 464,
  listxattrat: 465, removexattrat: 466, open_tree_attr: 467,
};

/** The reason if the headers cannot be read here; undefined when they can. */
export function noHeaders(): string | undefined {
  return existsSync(`${HEADERS}/unistd_x32.h`) ? undefined : 'linux-libc-dev of an x86-64 machine is missing';
}

/** arch/arm64/include/uapi/asm/unistd.h and arch/riscv's: the generic table with these. */
const AARCH64 = ['RENAMEAT', 'NEW_STAT', 'SET_GET_RLIMIT', 'TIME32_SYSCALLS', 'SYS_CLONE3', 'MEMFD_SECRET'];
const RISCV64 = ['NEW_STAT', 'SET_GET_RLIMIT', 'SYS_CLONE3', 'MEMFD_SECRET'];
/** Calls of one processor, from the number that the generic table leaves to processors on; riscv_hwprobe is newer than Debian 12's headers. */
const RISCV64_OWN: Readonly<Record<string, number>> = { riscv_hwprobe: 258, riscv_flush_icache: 259 };

function ofHeader(name: string): Map<string, number> {
  const text = readFileSync(`${HEADERS}/${name}`, 'utf8');
  const defined = /^#define __NR_(\w+)\s+(?:\(__X32_SYSCALL_BIT \+ )?(\d+)\)?$/gm;
  return new Map([...text.matchAll(defined)].map(([, call = '', number]) => [call, Number(number)]));
}

function ofGeneric(wanted: readonly string[], own: Readonly<Record<string, number>> = {}): Map<string, number> {
  const source = [...wanted.map((name) => `#define __ARCH_WANT_${name}`), '#include <asm/bitsperlong.h>', '#undef __BITS_PER_LONG', '#define __BITS_PER_LONG 64', '#include <asm-generic/unistd.h>', ''];
  const text = execFileSync('cc', ['-E', '-dM', '-x', 'c', '-'], { input: source.join('\n'), encoding: 'utf8' });
  const defined = new Map([...text.matchAll(/^#define (__NR3?\w+) (\w+)$/gm)].map(([, name = '', value = '']) => [name, value]));
  const calls = new Map(Object.entries(own));
  for (const [name, value] of defined) {
    if (!name.startsWith('__NR_') || ['__NR_syscalls', '__NR_arch_specific_syscall'].includes(name)) continue;
    // Some numbers refer to another name: __NR_fcntl is __NR3264_fcntl.
    const number = Number(defined.get(value) ?? value);
    if (Number.isInteger(number)) calls.set(name.slice('__NR_'.length), number);
  }
  return calls;
}

/** Every call of at least one of the architectures, by name. */
export function headerCalls(): Map<string, Numbers> {
  const tables = {
    'x86_64': ofHeader('unistd_64.h'), 'x86': ofHeader('unistd_32.h'), 'x32': ofHeader('unistd_x32.h'),
    'aarch64': ofGeneric(AARCH64), 'riscv64': ofGeneric(RISCV64, RISCV64_OWN),
  };
  const names = [...new Set(ARCHITECTURES.flatMap((architecture) => [...tables[architecture].keys()]))].sort();
  return new Map(names.map((name) => [name, Object.fromEntries(ARCHITECTURES.flatMap((architecture) => {
    const number = tables[architecture].get(name);
    return number === undefined ? [] : [[architecture, number]];
  }))]));
}

/** Every known call, by name. */
export function allCalls(): Map<string, Numbers> {
  const calls = headerCalls();
  for (const [name, number] of Object.entries(NEWER)) {
    if (!calls.has(name)) calls.set(name, Object.fromEntries(ARCHITECTURES.map((architecture) => [architecture, number])));
  }
  return new Map([...calls].sort(([a], [b]) => (a < b ? -1 : 1)));
}

const COLUMNS = 132;

/** The table in the form of assembly/lib/seccomp/syscalls.ts. */
export function table(calls: ReadonlyMap<string, Numbers>): string {
  const lines = [''];
  for (const [name, numbers] of calls) {
    const entry = `${name} ${ARCHITECTURES.map((architecture) => numbers[architecture] ?? '-').join(' ')},`;
    if (lines.at(-1)!.length + entry.length > COLUMNS) lines.push('');
    lines[lines.length - 1] += `${lines.at(-1) === '' ? '' : ' '}${entry}`;
  }
  return lines.join('\n');
}

/** Parses a table. */
export function readTable(text: string): Map<string, Numbers> {
  return new Map(text.split(',').map((entry) => entry.trim()).filter((entry) => entry !== '').map((entry) => {
    const [name = '', ...numbers] = entry.split(' '), has = (_: Architecture, index: number): boolean => numbers[index] !== '-';
    return [name, Object.fromEntries(ARCHITECTURES.map((architecture, index) => [architecture, Number(numbers[index])] as const)
      .filter(([architecture], index) => has(architecture, index)))];
  }));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.stdout.write(`/**
 * Names and numbers of system calls on x86-64, i386, x32 (without its bit), AArch64 and RISC-V, sorted by name. Made by
 * tools/kernel/syscalls.ts; a test holds the table to the kernel's headers.
 */
export const SYSCALLS: string = \`
${table(allCalls())}
\`;
`);
}
