/**
 * Makes a container and kills itself before the step with the number that it is given, as SIGKILL from outside might:
 *
 *   node maker.js DEPOT NAME STEP
 *
 * A step is a call that changes something outside of this process: one of node:fs, or of the addon's. While wshd works there
 * is one for each thing that can be seen of its progress. Prints the cgroups that are about to be made; "whole STEPS" at the end.
 */
import { createRequire, syncBuiltinESMExports } from 'node:module';
import fs from 'node:fs';
import promises from 'node:fs/promises';
import type { Native } from '../../src/host/addon.js';
import { addonPath } from '../../src/base/paths.js';

const WAIT_MS = 20_000;
const [depot = '', name = '', last = ''] = process.argv.slice(2);
const { existsSync, readFileSync, writeSync } = fs;
let steps = 0;

function step(): void {
  if (++steps === Number(last)) process.kill(process.pid, 'SIGKILL');
}

type Functions = Record<string, (...values: never[]) => unknown>;

/** From now on each of these is a step. */
function count(functions: Functions, names: readonly string[]): void {
  for (const each of names) {
    const original = functions[each]!;
    functions[each] = function counted(this: unknown, ...values) {
      const [path, content] = values as unknown[];
      if (String(path).endsWith('/etc/cgroups')) writeSync(1, String(content));
      step();
      return original.apply(this, values);
    };
  }
}

const text = (path: string): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
};

/** One step for each thing that wshd and its hooks have done by then. */
function follow(wshd: number): void {
  const directory = `${depot}/${name}`, first = (): string => text(`${directory}/run/wshd.pid`).split(' ')[0]!;
  const groups = text(`${directory}/etc/cgroups`).split('\n').filter((line) => line !== '').map((line) => line.split(' ')[2]!);
  const hasEnded = (): boolean => / Z /.test(text(`/proc/${wshd}/stat`));
  const progress: (() => boolean)[] = [
    () => existsSync(`${directory}/run/wshd.sock`), () => first() !== '',
    ...groups.map((group) => () => text(`${group}/cgroup.procs`) !== ''),
    () => text(`/proc/${first()}/mountinfo`).includes('/root/proc'), () => text(`/proc/${first()}/mountinfo`).includes('/root/dev/shm'),
    hasEnded,
  ];
  const deadline = performance.now() + WAIT_MS;
  for (const isSeen of progress) {
    while (!isSeen() && !hasEnded()) if (performance.now() > deadline) throw new Error(`not seen: ${isSeen.toString()}`);
    step();
  }
}

count(fs as unknown as Functions, ['mkdirSync', 'symlinkSync', 'writeFileSync', 'unlinkSync', 'renameSync']);
count(promises as unknown as Functions, ['mkdir', 'writeFile']);
syncBuiltinESMExports();

// The library gets the same objects.
const addon = createRequire(import.meta.url)(addonPath) as Native;
count(addon as unknown as Functions, ['pipe']);
const calls = addon.Instance.prototype as unknown as Functions;
const { shim_spawn: spawn } = calls;
calls['shim_spawn'] = function followed(this: unknown, ...values) {
  const pid = spawn!.apply(this, values) as number;
  if (pid > 0) follow(pid);
  return pid;
};
// How often these are called depends on the machine's load, and they change nothing.
const LOOKS = ['shim_read', 'shim_wait'];
count(calls, Object.getOwnPropertyNames(calls).filter((each) => each.startsWith('shim_') && !LOOKS.includes(each)));

const { Container } = await import('../../src/index.js');
await Container.create({ depot, id: name, memoryBytes: 1 << 26, cpuShares: 512 });
step();
writeSync(1, `whole ${steps}\n`);
