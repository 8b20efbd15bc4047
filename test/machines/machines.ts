/** The machines that main.ts boots: a processor, a Debian release with its kernel, and a layout of cgroups. */

export interface Machine {
  readonly name: string;
  /** As Debian names the processor. */
  readonly processor: 'amd64' | 'arm64';
  /** The release whose kernel, programs and C library the machine has. */
  readonly release: 'bookworm';
  readonly cgroups: 'v1' | 'v2' | 'hybrid' | 'none';
  /** Test files, by a part of their path, besides what guest.ts tries on every machine. */
  readonly tests: readonly string[];
}

export const MACHINES: readonly Machine[] = [
  { name: 'arm64', processor: 'arm64', release: 'bookworm', cgroups: 'v2', tests: [] },
  { name: 'arm64-behaviours', processor: 'arm64', release: 'bookworm', cgroups: 'v2', tests: ['behaviours/native', 'conformance/check'] },
];
