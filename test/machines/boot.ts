/** Boots a machine in qemu. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Image } from './image.js';
import type { Machine } from './machines.js';

const MEMORY_MB = 2_048, DEADLINE_MS = 2_400_000;

/** What emulates each processor: KVM is not used, so the same command runs on any host. */
const EMULATORS: Readonly<Record<Machine['processor'], readonly string[]>> = {
  amd64: ['qemu-system-x86_64', '-machine', 'q35', '-cpu', 'max'], arm64: ['qemu-system-aarch64', '-machine', 'virt', '-cpu', 'cortex-a72'],
};
const CONSOLES: Readonly<Record<Machine['processor'], string>> = { amd64: 'ttyS0', arm64: 'ttyAMA0' };

/** The kernel hands what it does not know to its first program, as environment variables: image.ts. */
function command(machine: Machine, { kernel, archive, disk }: Image): string[] {
  const { processor, cgroups, isTooOld = false, containers = 20, tests = [] } = machine;
  const settings = [
    `console=${CONSOLES[processor]}`, 'panic=-1', 'quiet',
    `CGROUPS=${cgroups}`, `EXPECTED=${isTooOld ? 'refused' : 'good'}`, `CONTAINERS=${containers}`, `TESTS=${tests.join(',')}`,
  ];
  return [
    ...EMULATORS[processor], '-accel', 'tcg', '-smp', '1', '-m', String(MEMORY_MB), '-nographic', '-no-reboot', '-nic', 'none',
    '-drive', `file=${disk},format=raw,if=virtio,snapshot=on`, '-kernel', kernel, '-initrd', archive, '-append', settings.join(' '),
  ];
}

/** The lines that the machine prints, which `print` gets as they come. Rejects when the machine does not end in time. */
export async function boot(machine: Machine, image: Image, print: (line: string) => void): Promise<string[]> {
  const [program, ...args] = command(machine, image), lines: string[] = [];
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
