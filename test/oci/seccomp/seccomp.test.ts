/** Seccomp filters of assembly/lib/seccomp beside libseccomp's, verdict by verdict. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { packageRoot } from '../../../src/base/paths.js';
import { ARCHITECTURES, headerCalls, NEWER, noHeaders, readTable } from '../../../tools/kernel/syscalls.js';
import { source } from '../../boundary/sources.js';
import { scratch } from '../../support/process.js';
import { unless } from '../../support/skip.js';
import { allCapabilities, capabilityOf, DEFAULT_CAPABILITIES, makeFilter } from '../../../src/linux/filter.js';
import { type Call, Filter } from './bpf.js';
import {
  AARCH64, actionOf, type Comparison, goodFilter, I386, numberOf, oracleFilter, type Profile, refusalOf, RISCV64, type Rule, seccomp,
  X86_64,
} from './profile.js';

const compiler = suite('the seccomp compiler');
const { path: directory, remove } = scratch();
const ORACLE = `${directory}/oracle`;

/** Why libseccomp cannot be asked; undefined when it can. */
function noOracle(): string | undefined {
  if (!existsSync('/usr/include/seccomp.h')) return 'libseccomp-dev is missing';
  execFileSync('cc', ['-Wall', '-Wextra', '-Werror', '-o', ORACLE, `${packageRoot}test/oci/seccomp/oracle.c`, '-lseccomp']);
  return undefined;
}
const beside = unless(noOracle(), compiler);
compiler.after(() => remove());

const ALL_ARCHITECTURES = ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'];
const X32 = 0x40000000;
/** Calls of i386 that are many in one: libseccomp writes rules for what they are asked for, which is not done here. */
const MULTIPLEXED = new Set([102, 117]);
/** Numbers that no call has, next to what divides them. */
const FAR = [1023, 1024, 0x3fffffff, 0x40000400, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff];

/** Every number, of every architecture, with each of these arguments. */
function* everyCall(argumentLists: readonly (readonly bigint[])[]): Generator<Call> {
  for (const architecture of [X86_64, I386, AARCH64, RISCV64, 0]) {
    for (const base of architecture === X86_64 ? [0, X32] : [0]) {
      for (let number = 0; number <= 560; number++) {
        if (architecture === I386 && MULTIPLEXED.has(number)) continue;
        for (const args of argumentLists) yield { architecture, number: base + number, args };
      }
    }
    for (const number of FAR) yield { architecture, number, args: [] };
  }
}

/** Calls that the libseccomp of Debian 12 does not know, by number: all newer than fchmodat2. */
const UNKNOWN = new Set(Object.values(NEWER).filter((number) => number > 452));

function compare(ours: Filter, theirs: Filter, calls: Iterable<Call>): void {
  for (const call of calls) {
    if (UNKNOWN.has(call.number & ~X32)) continue;
    const verdict = ours.verdict(call), expected = theirs.verdict(call);
    if (verdict === expected) continue;
    const text = JSON.stringify(call, (_, value: unknown) => (typeof value === 'bigint' ? `0x${value.toString(16)}` : value));
    assert.unreachable(`${text}: 0x${verdict.toString(16)} instead of 0x${expected.toString(16)}`);
  }
}

/** Values next to those that a profile compares with, in each argument at once. */
function edges(values: readonly number[]): bigint[][] {
  const steps = [-1n, 0n, 1n, 2n ** 32n, -(2n ** 32n), 2n ** 63n];
  const near = values.flatMap((value) => steps.map((more) => BigInt.asUintN(64, BigInt(value) + more)));
  const all = new Set([0n, 1n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 63n, 2n ** 64n - 1n, ...near]);
  return [...all].map((value) => Array<bigint>(6).fill(value));
}

function valuesOf(profile: Profile): number[] {
  return (profile.syscalls ?? []).flatMap(({ args = [] }) => args.flatMap(({ value, valueTwo = 0 }) => [value, valueTwo]));
}

/** podman's default profile for a container with its default capabilities: groups that ask for others are left out. */
function podmansProfile(): Profile {
  interface Group extends Rule { includes?: { caps?: string[]; arches?: string[] }; excludes?: { caps?: string[]; arches?: string[] } }
  const given = JSON.parse(readFileSync('/usr/share/containers/seccomp.json', 'utf8')) as Profile & { syscalls: Group[] };
  const capabilities = new Set([
    'CAP_CHOWN', 'CAP_DAC_OVERRIDE', 'CAP_FOWNER', 'CAP_FSETID', 'CAP_KILL', 'CAP_NET_BIND_SERVICE', 'CAP_SETFCAP', 'CAP_SETGID',
    'CAP_SETPCAP', 'CAP_SETUID', 'CAP_SYS_CHROOT',
  ]);
  const applies = ({ includes, excludes }: Group): boolean => (includes?.caps ?? []).every((capability) => capabilities.has(capability))
    && !(excludes?.caps ?? []).some((capability) => capabilities.has(capability))
    && (includes?.arches === undefined || includes.arches.includes('amd64')) && !(excludes?.arches ?? []).includes('amd64');
  return { ...given, architectures: ALL_ARCHITECTURES, syscalls: given.syscalls.filter(applies) };
}

const podman = unless(existsSync('/usr/share/containers/seccomp.json') ? noOracle() : 'golang-github-containers-common is missing', compiler);

podman('podman\'s default profile has libseccomp\'s verdicts', () => {
  const profile = podmansProfile(), ours = goodFilter(profile), theirs = oracleFilter(ORACLE, profile);
  compare(ours, theirs, everyCall(edges(valuesOf(profile))));
  const steps = Array.from({ length: 400 }, (_, number) => ours.run({ architecture: X86_64, number, args: [] }).steps);
  assert.ok(Math.max(...steps) < 40, `${Math.max(...steps)} instructions for a call`);
  console.log(`  ${ours.instructions.length} instructions, libseccomp's tree ${theirs.instructions.length}`);
});

/** The profile of the library's containers, made with its conditions, beside libseccomp's of what these leave for a machine. */
beside('the default profile has libseccomp\'s verdicts, for containers with usual and with all capabilities', () => {
  interface Group extends Rule { includes?: { caps: string[] }; excludes?: { caps: string[] } }
  const given = JSON.parse(source('assembly/filter/default.json')) as Profile & { syscalls: Group[] };
  for (const capabilities of [DEFAULT_CAPABILITIES, allCapabilities()]) {
    const has = (name: string): boolean => capabilities.includes(capabilityOf(name)!);
    const applies = ({ includes, excludes }: Group): boolean => (includes?.caps ?? []).every(has) && !(excludes?.caps ?? []).some(has);
    // Of two rules without comparisons for one call the first counts; libseccomp refuses the second.
    const seen = new Set<string>(), syscalls = given.syscalls.filter(applies).map((group) => (
      group.args ? group : { ...group, names: group.names.filter((name) => !seen.has(name) && seen.add(name)) }));
    const made = makeFilter(Buffer.from(JSON.stringify(given)), capabilities);
    if (typeof made === 'string') return assert.unreachable(made);
    const ours = new Filter(made.subarray(8)), theirs = oracleFilter(ORACLE, { ...given, architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86'], syscalls });
    compare(ours, theirs, everyCall(edges(valuesOf(given))));
  }
});

const names = [
  'read', 'write', 'openat', 'socket', 'clone', 'personality', 'ioctl', 'mmap', 'mmap2', 'execve', 'kexec_load', 'waitid', 'getpid',
  'statx', 'cachestat', 'fchmodat2', 'nosuchcall', '_llseek', 'rt_sigaction', 'epoll_ctl_old',
];
const values = fc.oneof(fc.constantFrom(0, 1, 7, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 40 + 5), fc.nat(2 ** 20));
const ops = fc.constantFrom(...['EQ', 'NE', 'LT', 'LE', 'GT', 'GE', 'MASKED_EQ'].map((name) => `SCMP_CMP_${name}`));
const comparison: fc.Arbitrary<Comparison> = fc.record(
  { index: fc.nat(5), value: values, valueTwo: values, op: ops }, { noNullPrototype: true },
);
const errnos = fc.constantFrom(0, 1, 38, 4094);

/** Of one call all rules have one action: where several hold, libseccomp's choice among different ones is its own. */
function consistent(rules: readonly Rule[]): Rule[] {
  const actions = new Map<string, Pick<Rule, 'action' | 'errnoRet'>>();
  return rules.flatMap(({ names: list, action, errnoRet, args }) => list.map((name) => {
    const first = actions.get(name) ?? { action, ...errnoRet !== undefined && { errnoRet } };
    actions.set(name, first);
    return { names: [name], ...first, ...args && { args } };
  }));
}

const actions = fc.constantFrom(...['KILL', 'KILL_PROCESS', 'TRAP', 'ERRNO', 'TRACE', 'ALLOW', 'LOG'].map((name) => `SCMP_ACT_${name}`));
const rule = fc.record({
  names: fc.uniqueArray(fc.constantFrom(...names), { minLength: 1, maxLength: 4 }), action: actions, errnoRet: errnos,
  args: fc.uniqueArray(comparison, { maxLength: 3, selector: ({ index }) => index }),
}, { requiredKeys: ['names', 'action'], noNullPrototype: true });
const profiles: fc.Arbitrary<Profile> = fc.record({
  defaultAction: actions, defaultErrnoRet: errnos, architectures: fc.subarray(ALL_ARCHITECTURES),
  syscalls: fc.array(rule, { maxLength: 8 }).map(consistent),
}, { requiredKeys: ['defaultAction', 'syscalls'], noNullPrototype: true });

/** Of one call at most one rule with comparisons: which of several libseccomp finds is its own. `verdictOf` judges those. */
function plain({ syscalls = [], ...rest }: Profile): Profile {
  const seen = new Set<string>();
  return { ...rest, syscalls: syscalls.flatMap(({ names: list, ...each }) => {
    if (each.args === undefined || each.args.length === 0) return [{ names: list, ...each }];
    const first = list.filter((name) => !seen.has(name));
    for (const name of first) seen.add(name);
    return first.length === 0 ? [] : [{ names: first, ...each }];
  }) };
}

function holds({ index, op, value, valueTwo = 0 }: Comparison, args: readonly bigint[]): boolean {
  const given = args[index] ?? 0n, wanted = BigInt(value);
  switch (op) {
    case 'SCMP_CMP_EQ': return given === wanted;
    case 'SCMP_CMP_NE': return given !== wanted;
    case 'SCMP_CMP_LT': return given < wanted;
    case 'SCMP_CMP_LE': return given <= wanted;
    case 'SCMP_CMP_GT': return given > wanted;
    case 'SCMP_CMP_GE': return given >= wanted;
    // seccomp_rule_add(3): the first value is the mask, of the second, too.
    default: return (given & wanted) === (BigInt(valueTwo) & wanted);
  }
}

/** What a profile means for a call of x86-64, by the words of config-linux.md: a rule without comparisons, else the first that holds. */
function verdictOf({ defaultAction, defaultErrnoRet, syscalls = [] }: Profile, name: string, args: readonly bigint[]): number {
  const rules = syscalls.filter(({ names: list }) => list.includes(name));
  const decides = rules.find(({ args: list = [] }) => list.length === 0)
    ?? rules.find(({ args: list = [] }) => list.every((one) => holds(one, args)));
  return decides ? actionOf(decides.action, decides.errnoRet) : actionOf(defaultAction, defaultErrnoRet);
}

/** Numbers of x86-64. */
const NUMBERS: Readonly<Record<string, number>> = {
  read: 0, write: 1, mmap: 9, ioctl: 16, getpid: 39, socket: 41, clone: 56, personality: 135, openat: 257,
};
const sixValues = fc.tuple(...Array.from({ length: 6 }, () => values));

compiler('any profile has the verdicts of its rules, whichever of them overlap', () => {
  fc.assert(fc.property(profiles, fc.array(sixValues, { minLength: 1, maxLength: 20 }), (profile, lists) => {
    const filter = goodFilter(profile), near = edges(valuesOf(profile));
    for (const args of [...lists.map((list) => list.map(BigInt)), ...near]) {
      for (const [name, number] of Object.entries(NUMBERS)) {
        assert.is(filter.verdict({ architecture: X86_64, number, args }), verdictOf(profile, name, args), `${name}(${args.join(', ')})`);
      }
    }
  }), { numRuns: 200 });
});

beside('any profile has libseccomp\'s verdicts', () => {
  fc.assert(fc.property(profiles.map(plain), (profile) => {
    compare(goodFilter(profile), oracleFilter(ORACLE, profile), everyCall(edges(valuesOf(profile).slice(0, 6))));
  }), { numRuns: 60 });
});

beside('each comparison has libseccomp\'s verdicts at all its edges', () => {
  fc.assert(fc.property(comparison, (one) => {
    const profile: Profile = { defaultAction: 'SCMP_ACT_ALLOW', syscalls: [{ names: ['getpid'], action: 'SCMP_ACT_ERRNO', args: [one] }] };
    const calls = edges([one.value, one.valueTwo!]).map((args) => ({ architecture: X86_64, number: 39, args }));
    compare(goodFilter(profile), oracleFilter(ORACLE, profile), calls);
  }), { numRuns: 300 });
});

const ALLOW = actionOf('SCMP_ACT_ALLOW'), EPERM = actionOf('SCMP_ACT_ERRNO');

function verdicts(rules: Rule[], ...args: bigint[]): number {
  return goodFilter({ defaultAction: 'SCMP_ACT_KILL_PROCESS', syscalls: rules }).verdict({ architecture: X86_64, number: 39, args });
}
const equals = (index: number, value: number): Comparison => ({ index, value, op: 'SCMP_CMP_EQ' });

compiler('a rule without comparisons decides, wherever it stands', () => {
  const conditional: Rule = { names: ['getpid'], action: 'SCMP_ACT_ERRNO', args: [equals(0, 1)] };
  const other: Rule = { names: ['getpid'], action: 'SCMP_ACT_ALLOW' };
  assert.is(verdicts([conditional, other], 1n), ALLOW);
  assert.is(verdicts([other, conditional], 1n), ALLOW);
});

compiler('of rules that hold the first decides', () => {
  const first: Rule = { names: ['getpid'], action: 'SCMP_ACT_ERRNO', args: [equals(0, 1)] };
  const second: Rule = { names: ['getpid'], action: 'SCMP_ACT_ALLOW', args: [equals(1, 1)] };
  assert.is(verdicts([first, second], 1n, 1n), EPERM);
  assert.is(verdicts([second, first], 1n, 1n), ALLOW);
  assert.is(verdicts([first, second], 0n, 1n), ALLOW);
  assert.is(verdicts([first, second], 0n, 0n), 0x80000000);
});

compiler('comparisons of one argument are alternatives', () => {
  const rules: Rule[] = [{ names: ['getpid'], action: 'SCMP_ACT_ALLOW', args: [equals(0, 1), equals(0, 2)] }];
  assert.equal([1n, 2n, 3n].map((value) => verdicts(rules, value)), [ALLOW, ALLOW, 0x80000000]);
});

for (const [name, architecture] of [['AArch64', AARCH64], ['RISC-V', RISCV64]] as const) {
  compiler(`on ${name} calls have its numbers, and x86-64's end the process`, () => {
    const filter = goodFilter({ defaultAction: 'SCMP_ACT_ERRNO', syscalls: [{ names: ['getpid'], action: 'SCMP_ACT_ALLOW' }] }, architecture);
    assert.is(filter.verdict({ architecture, number: 172, args: [] }), ALLOW);
    assert.is(filter.verdict({ architecture, number: 39, args: [] }), EPERM);
    assert.is(filter.verdict({ architecture: X86_64, number: 39, args: [] }), 0x80000000);
  });
}

compiler('renameat(2) is a call of AArch64 and none of RISC-V, which has riscv_flush_icache(2)', () => {
  const profile: Profile = { defaultAction: 'SCMP_ACT_ERRNO', syscalls: [{ names: ['renameat', 'riscv_flush_icache'], action: 'SCMP_ACT_ALLOW' }] };
  const verdictsOf = (architecture: number): number[] => {
    const filter = goodFilter(profile, architecture);
    return [38, 259].map((number) => filter.verdict({ architecture, number, args: [] }));
  };
  assert.equal(verdictsOf(AARCH64), [ALLOW, EPERM]);
  assert.equal(verdictsOf(RISCV64), [EPERM, ALLOW]);
});

const FLAGS: readonly [flags: string[], bits: number][] = [
  [[], 0], [['SECCOMP_FILTER_FLAG_LOG'], 2], [['SECCOMP_FILTER_FLAG_TSYNC', 'SECCOMP_FILTER_FLAG_SPEC_ALLOW'], 5],
];

compiler('flags are those of seccomp(2)', () => {
  for (const [flags, bits] of FLAGS) {
    goodFilter({ defaultAction: 'SCMP_ACT_ALLOW', flags });
    assert.is(seccomp.flags(), bits);
  }
});

const withRule = (only: unknown): unknown => ({ defaultAction: 'SCMP_ACT_ALLOW', syscalls: [only] });
const withComparison = (args: unknown): unknown => withRule({ names: ['read'], action: 'SCMP_ACT_LOG', args: [args] });

const refused: readonly [profile: unknown, words: RegExp][] = [
  [[], /^syscalls is not a list/], [{}, /^defaultAction is missing/], [{ defaultAction: 'ALLOW' }, /^an action is not one of/],
  [{ defaultAction: 'SCMP_ACT_NOTIFY' }, /NOTIFY is not supported/],
  [{ defaultAction: 'SCMP_ACT_ERRNO', defaultErrnoRet: 4096 }, /^an errnoRet/],
  [{ defaultAction: 'SCMP_ACT_ALLOW', flags: ['SECCOMP_FILTER_FLAG_NEW_LISTENER'] }, /^a flag is unknown/],
  [{ defaultAction: 'SCMP_ACT_ALLOW', syscalls: {} }, /^syscalls is not/],
  [withRule({ action: 'SCMP_ACT_LOG' }), /^syscalls is not/], [withRule({ names: [1], action: 'SCMP_ACT_LOG' }), /^syscalls is not/],
  [withRule({ names: ['read'] }), /^an action is not one of/], [withRule(7), /^syscalls is not/],
  [withComparison({ index: 6, value: 0, op: 'SCMP_CMP_EQ' }), /^args has/],
  [withComparison({ index: 0, value: -1, op: 'SCMP_CMP_EQ' }), /^args has/],
  [withComparison({ index: 0, value: 1, op: '==' }), /^args has/],
  [withComparison({ index: 0, value: 1, valueTwo: 0.5, op: 'SCMP_CMP_MASKED_EQ' }), /^args has/],
];

for (const [profile, words] of refused) {
  compiler(`refuses ${JSON.stringify(profile).slice(0, 120)}`, () => assert.match(refusalOf(profile), words));
}

compiler('refuses a filter that is longer than the kernel takes, without a byte behind its place', () => {
  const rules = Array.from({ length: 900 }, (_, index): Rule => ({ names: ['getpid'], action: 'SCMP_ACT_LOG', args: [equals(0, index)] }));
  assert.match(refusalOf({ defaultAction: 'SCMP_ACT_ALLOW', syscalls: rules }), /more than 4096 instructions/);
  const at = seccomp.programAt(), place = new Uint8Array(seccomp.memory.buffer, at, 64).fill(0xaa);
  assert.match(refusalOf({ defaultAction: 'SCMP_ACT_ALLOW' }, 2), /more than 4096/);
  assert.ok(place.subarray(16).every((byte) => byte === 0xaa));
});

compiler('refuses more rules than its tables hold', () => {
  const syscalls = Array.from({ length: 8193 }, (): Rule => ({ names: ['read'], action: 'SCMP_ACT_LOG' }));
  assert.match(refusalOf({ defaultAction: 'SCMP_ACT_ALLOW', syscalls }), /more than 8192/);
});

const headers = unless(noHeaders(), compiler);

headers('the table of system calls is the kernel\'s headers\' and what is newer than they are', () => {
  const text = /`([^`]*)`/.exec(source('assembly/lib/seccomp/syscalls.ts'))?.[1] ?? '', table = readTable(text), found = headerCalls();
  assert.ok(table.size > 460 && found.size > 440);
  for (const [name, numbers] of found) assert.equal(table.get(name), numbers, name);
  for (const [name, numbers] of table) if (!found.has(name)) assert.is(numbers.x86_64, NEWER[name], name);
  assert.equal([...table.keys()], [...table.keys()].sort());
});

compiler('every call of the table is found by its name', () => {
  const text = /`([^`]*)`/.exec(source('assembly/lib/seccomp/syscalls.ts'))?.[1] ?? '', known = readTable(text);
  for (const [name, numbers] of known) {
    ARCHITECTURES.forEach((architecture, column) => assert.is(numberOf(name, column), numbers[architecture] ?? -1, name));
    for (const other of [name.slice(0, -1), `${name}x`, name.toUpperCase()]) if (!known.has(other)) assert.is(numberOf(other, 0), -1, other);
  }
});

compiler.run();
