/** The machines that main.ts boots: a processor, a Debian release with its kernel, and a layout of cgroups. */

export type Processor = 'amd64' | 'arm64';
export type Cgroups = 'v1' | 'v2' | 'hybrid' | 'none';

/** What a machine's disk has. */
export interface Disk {
  /** As Debian names the processor. */
  readonly processor: Processor;
  /** The release whose kernel, programs and C library the machine has. */
  readonly release: 'bullseye' | 'bookworm' | 'trixie' | 'sid';
}

export interface Machine extends Disk {
  readonly name: string;
  readonly cgroups: Cgroups;
  /** The kernel is older than those that the programs run on. */
  readonly isTooOld?: boolean;
  /** How many are made, used and destroyed, ten at once. */
  readonly containers?: number;
  /** Test files, by a part of their path, besides what guest.ts tries on every machine. */
  readonly tests?: readonly string[];
}

const LAYOUTS: readonly Cgroups[] = ['v2', 'hybrid', 'v1', 'none'];

function everyLayout(name: string, disk: Disk, more: Partial<Machine> = {}): Machine[] {
  return LAYOUTS.map((cgroups) => ({ name: `${name}-${cgroups}`, ...disk, cgroups, ...more }));
}

const ARM: Disk = { processor: 'arm64', release: 'bookworm' };

/** Clients that misbehave, processes that are killed or out of memory, a start that fails at each stage, a module that traps. */
const FAULTS = ['programs/iomux/', 'programs/oom/', 'programs/wsh/wsh-exit', 'programs/wshd/wshd-clients', 'programs/wshd/wshd-stages', 'library/killed', 'library/trap'];

export const MACHINES: readonly Machine[] = [
  ...everyLayout('x64-5.10', { processor: 'amd64', release: 'bullseye' }, { isTooOld: true }),
  ...everyLayout('x64-6.1', { processor: 'amd64', release: 'bookworm' }),
  ...everyLayout('x64-6.12', { processor: 'amd64', release: 'trixie' }),
  ...everyLayout('x64-sid', { processor: 'amd64', release: 'sid' }),
  { name: 'arm64', ...ARM, cgroups: 'v2', containers: 100 },
  { name: 'arm64-behaviours', ...ARM, cgroups: 'v2', containers: 10, tests: ['behaviours/native', 'conformance/check'] },
  { name: 'arm64-faults', ...ARM, cgroups: 'v2', containers: 10, tests: FAULTS },
];
