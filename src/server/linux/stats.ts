/** What the kernel counts for a container, as an InfoResponse has it. cgroups(7) */
import { readFileSync } from 'node:fs';
import { ifReadable } from '../../base/errors.js';
import { textOfFile } from '../../base/files.js';
import { MemoryStatSchema } from '#warden-proto';
import type { CpuInfo, MemoryInfo } from '../../index.js';
import type { ResponseInit } from '../../proto/message.js';

type Info = ResponseInit<'Info'>;

/** What version 1 has for "no limit". */
export const UNLIMITED = 9_223_372_036_854_771_712n;

function numbersIn(file: string): Map<string, bigint> {
  const text = textOfFile(file);
  const rows = text.split('\n').map((line) => /^(\S+) (\d+)$/.exec(line)).filter((match) => match !== null);
  return new Map(rows.map(([, name, value]) => [name!, BigInt(value!)]));
}

/** The names of version 2 that mean the same. */
const VERSION_2: Readonly<Record<string, string>> = { cache: 'file', rss: 'anon', mapped_file: 'file_mapped' };

export function memoryStat({ cgroup, version, limitBytes }: MemoryInfo): Info['memoryStat'] {
  const found = numbersIn(`${cgroup}/memory.stat`);
  if (version === 2) {
    for (const [name, other] of Object.entries(VERSION_2)) found.set(name, found.get(other) ?? 0n);
    for (const name of ['hierarchical_memory_limit', 'hierarchical_memsw_limit']) found.set(name, limitBytes === null ? UNLIMITED : BigInt(limitBytes));
  }
  const fields = MemoryStatSchema.fields.map(({ name, localName }) => (
    [localName, found.get(name) ?? found.get(name.replace(/^total_/, ''))] as const
  ));
  return Object.fromEntries(fields.filter(([, value]) => value !== undefined));
}

/** Clock ticks are 1/100 s: USER_HZ. */
const TICK_US = 10_000n;

export function cpuStat({ cgroup, version }: CpuInfo): Info['cpuStat'] {
  if (version === 2) {
    const found = numbersIn(`${cgroup}/cpu.stat`);
    const of = (name: string): bigint => found.get(name) ?? 0n;
    return { usage: of('usage_usec') * 1000n, user: of('user_usec') / TICK_US, system: of('system_usec') / TICK_US };
  }
  const usage = ifReadable(() => readFileSync(`${cgroup}/cpuacct.usage`, 'latin1')) ?? '0', ticks = numbersIn(`${cgroup}/cpuacct.stat`);
  return { usage: BigInt(usage.trim() || '0'), user: ticks.get('user') ?? 0n, system: ticks.get('system') ?? 0n };
}
