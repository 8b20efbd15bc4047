/** Seccomp profiles, and both ways to make a filter of one: assembly/lib/seccomp and libseccomp. */
import { execFileSync } from 'node:child_process';
import { compile } from '../../../tools/build/asc.js';
import { Filter } from './bpf.js';

export interface Comparison { index: number; value: number; valueTwo?: number; op: string }
export interface Rule { names: string[]; action: string; errnoRet?: number; args?: Comparison[] }
export interface Profile {
  defaultAction: string; defaultErrnoRet?: number; architectures?: string[]; flags?: string[]; syscalls?: Rule[];
}

/** AUDIT_ARCH_ of linux/audit.h. */
export const X86_64 = 0xc000003e, I386 = 0x40000003, AARCH64 = 0xc00000b7, RISCV64 = 0xc00000f3;

interface SeccompModule {
  memory: WebAssembly.Memory;
  textAt(): number;
  programAt(): number;
  wordsAt(): number;
  compile(size: number, native: number, most: number): number;
  errorWords(): number;
  flags(): number;
  numberOf(size: number, table: number): number;
}

const bytes = await compile('test/oci/assembly/seccomp.ts');
const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { wasi_snapshot_preview1: { fd_write: () => 0 } });
export const seccomp = exports as unknown as SeccompModule;

function put(text: string): number {
  const given = Buffer.from(text);
  new Uint8Array(seccomp.memory.buffer, seccomp.textAt(), given.length).set(given);
  return given.length;
}

/** The filter, or the reason why there is none. */
function filterOf(profile: unknown, native = X86_64, most = 4096): Filter | string {
  const count = seccomp.compile(put(JSON.stringify(profile)), native, most);
  if (count <= 0) return count < 0 ? 'it is not JSON' : Buffer.from(seccomp.memory.buffer, seccomp.wordsAt(), seccomp.errorWords()).toString('latin1');
  return new Filter(new Uint8Array(seccomp.memory.buffer, seccomp.programAt(), count * 8).slice());
}

/** The reason why there is no filter; empty when there is one. */
export function refusalOf(profile: unknown, most = 4096): string {
  const filter = filterOf(profile, X86_64, most);
  return typeof filter === 'string' ? filter : '';
}

export function goodFilter(profile: Profile, native = X86_64): Filter {
  const filter = filterOf(profile, native);
  if (typeof filter === 'string') throw new Error(filter);
  return filter;
}

/** The number of a call; -1 when there is none. */
export function numberOf(name: string, table: number): number { return seccomp.numberOf(put(name), table); }

const ACTIONS: Readonly<Record<string, number>> = {
  SCMP_ACT_KILL: 0, SCMP_ACT_KILL_THREAD: 0, SCMP_ACT_KILL_PROCESS: 0x80000000, SCMP_ACT_TRAP: 0x30000, SCMP_ACT_ERRNO: 0x50000,
  SCMP_ACT_TRACE: 0x7ff00000, SCMP_ACT_LOG: 0x7ffc0000, SCMP_ACT_ALLOW: 0x7fff0000,
};
const OPS = ['SCMP_CMP_NE', 'SCMP_CMP_LT', 'SCMP_CMP_LE', 'SCMP_CMP_EQ', 'SCMP_CMP_GE', 'SCMP_CMP_GT', 'SCMP_CMP_MASKED_EQ'];

export function actionOf(action: string, errno = 1): number {
  return ACTIONS[action]! + (action === 'SCMP_ACT_ERRNO' || action === 'SCMP_ACT_TRACE' ? errno : 0);
}

/** The filter that libseccomp makes, by test/oci/seccomp/oracle.c, built at `oracle`. */
export function oracleFilter(oracle: string, profile: Profile): Filter {
  const initial = actionOf(profile.defaultAction, profile.defaultErrnoRet), lines = [`default ${initial}`];
  for (const architecture of profile.architectures ?? []) lines.push(`arch ${architecture.replace('SCMP_ARCH_', '').toLowerCase()}`);
  for (const { names, action, errnoRet, args = [] } of profile.syscalls ?? []) {
    const number = actionOf(action, errnoRet);
    if (number === initial) continue;
    const comparisons = args.map(({ index, op, value, valueTwo = 0 }) => `${index} ${OPS.indexOf(op) + 1} ${value} ${valueTwo}`);
    // As runc has it: of comparisons of one argument each is a rule.
    const rules = new Set(args.map(({ index }) => index)).size < args.length ? comparisons : [comparisons.join(' ')];
    for (const name of names) for (const rule of rules) lines.push(`rule ${number} ${name} ${rule}`);
  }
  return new Filter(execFileSync(oracle, { input: `${lines.join('\n')}\n`, maxBuffer: 1 << 24 }));
}
