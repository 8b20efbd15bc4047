/** Boots a machine in qemu. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Machine } from './machines.js';

const MEMORY_MB = 3_072, DEADLINE_MS = 1_500_000;

/** What emulates each processor: KVM is not used, so the same command runs on any host. */
const EMULATORS: Readonly<Record<Machine['processor'], readonly string[]>> = {
  amd64: ['qemu-system-x86_64', '-machine', 'q35', '-cpu', 'max'], arm64: ['qemu-system-aarch64', '-machine', 'virt', '-cpu', 'cortex-a72'],
};
const CONSOLES: Readonly<Record<Machine['processor'], string>> = { amd64: 'ttyS0', arm64: 'ttyAMA0' };

function command({ processor }: Machine, kernel: string, archive: string): string[] {
  return [
    ...EMULATORS[processor], '-accel', 'tcg', '-smp', '2', '-m', String(MEMORY_MB), '-nographic', '-no-reboot', '-nic', 'none',
    '-kernel', kernel, '-initrd', archive, '-append', `console=${CONSOLES[processor]} panic=-1`,
  ];
}

/** The lines that the machine prints, which `print` gets as they come. Rejects when the machine does not end in time. */
export async function boot(
  machine: Machine, { kernel, archive }: { kernel: string; archive: string }, print: (line: string) => void,
): Promise<string[]> {
  const [program, ...args] = command(machine, kernel, archive), lines: string[] = [];
  const emulator = spawn(program!, args, { stdio: ['ignore', 'pipe', 'inherit'], timeout: DEADLINE_MS, killSignal: 'SIGKILL' });
  const ended = new Promise<NodeJS.Signals | null>((resolve, reject) => {
    emulator.once('error', reject);
    emulator.once('close', (_, signal) => resolve(signal));
  });
  for await (const line of createInterface({ input: emulator.stdout })) {
    lines.push(line);
    print(line);
  }
  const signal = await ended;
  if (signal !== null) throw new Error(`${machine.name}: the emulator was ended by ${signal}, after at most ${DEADLINE_MS / 1000} s`);
  return lines;
}
