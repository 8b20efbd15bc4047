/**
 * What is tried on a machine, from inside of it: guest.js CGROUPS [PART-OF-A-TEST'S-PATH…]. Prints a line for each trial, and
 * "result: …" at the end.
 */
import { spawnSync } from 'node:child_process';
import { release } from 'node:os';
import { packageRoot } from '../../src/base/paths.js';
import { Container } from '../../src/index.js';

const CONTAINERS = 100, AT_ONCE = 10, LIMIT_BYTES = 16 << 20, PROGRAM_DEADLINE_MS = 1_200_000;
const [cgroups = 'v2', ...tests] = process.argv.slice(2);
const command = `${packageRoot}build/js/src/cli/warden.cjs`;
let failed = 0;

async function attempt(what: string, act: () => Promise<string> | string): Promise<void> {
  const began = performance.now();
  try {
    const words = await act();
    console.log(`trial: ${what}: ${words} (${((performance.now() - began) / 1000).toFixed(1)} s)`);
  } catch (error) {
    failed++;
    console.log(`trial: ${what}: FAILED: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function expect(holds: boolean, words: string): void { if (!holds) throw new Error(words); }

function warden(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  const options = { encoding: 'utf8', timeout: PROGRAM_DEADLINE_MS } as const;
  const { status, signal, stdout, stderr, error } = spawnSync(process.execPath, [command, ...args], options);
  return { status, stdout, stderr: `${stderr}${error?.message ?? ''}${signal ?? ''}` };
}

function greeting(): string {
  const { status, stdout, stderr } = warden('run', '--', 'sh', '-c', 'echo hello from $(hostname)');
  expect(status === 0 && /^hello from \S+$/.test(stdout.trim()), `${status} ${stdout}${stderr}`);
  return stderr === '' ? 'hello' : `hello; ${stderr.trim().replaceAll('\n', ' | ')}`;
}

/** The machine's root is in memory, which takes no idmapped mount before Linux 6.3: ids of the container's own are refused. */
function ownIds(): string {
  const { status, stdout, stderr } = warden('run', '--userns', 'required', '--', 'cat', '/proc/self/uid_map');
  expect(status === 2 && /cannot show under the container's ids what is in \/usr/.test(stderr), `${status} ${stdout}${stderr}`);
  return 'ids of the container\'s own are refused in a sentence';
}

async function many(): Promise<string> {
  const one = async (): Promise<void> => {
    const container = await Container.create();
    try {
      const { exitCode } = await container.exec(['sh', '-c', 'exit 7'], { stdio: 'ignore' }).result;
      expect(exitCode === 7, `exit code ${exitCode}`);
    } finally {
      await container.destroy();
    }
  };
  for (let done = 0; done < CONTAINERS; done += AT_ONCE) await Promise.all(Array.from({ length: AT_ONCE }, one));
  return `${CONTAINERS} containers made, used and destroyed`;
}

/** A limit of memory, its change, and a process that exceeds it. */
async function limits(): Promise<string> {
  const container = await Container.create({ memoryBytes: LIMIT_BYTES * 4, cpuShares: 512 });
  try {
    await container.limitMemory(LIMIT_BYTES);
    const { exitCode, signal } = await container.exec(['sh', '-c', 'head -c 100000000 /dev/zero | tail'], { stdio: 'ignore' }).result;
    expect(exitCode === 137 || signal === 'SIGKILL', `the process ended with ${exitCode} ${signal}`);
    const memory = await container.memory(), cpu = await container.cpu();
    expect(memory?.limitBytes === LIMIT_BYTES && memory.oomKills === 1, JSON.stringify(memory));
    return `limit and out-of-memory kill, memory version ${memory!.version}, cpu version ${cpu?.version}`;
  } finally {
    await container.destroy();
  }
}

function noLimits(): string {
  const { status, stdout, stderr } = warden('run', '--memory', '64M', '--', 'true');
  expect(status !== 0 && /cgroup/.test(stderr) && !/at .*\.[cj]s:/.test(stderr), `${status} ${stdout}${stderr}`);
  return `a limit is refused: ${stderr.trim()}`;
}

function suites(): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, [`${packageRoot}build/js/tools/test/run.js`, ...tests], { encoding: 'utf8', timeout: PROGRAM_DEADLINE_MS });
  const last = stdout.trim().split('\n').at(-1)!;
  if (status !== 0) console.log(stdout, stderr);
  expect(status === 0, last);
  return last;
}

console.log(`trial: Linux ${release()}, ${process.arch}, Node ${process.version}, glibc ${(process.report.getReport() as { header: { glibcVersionRuntime: string } }).header.glibcVersionRuntime}`);
await attempt('greeting', greeting);
await attempt('user namespace', ownIds);
await attempt('cgroups', cgroups === 'none' ? noLimits : limits);
await attempt('containers', many);
if (tests.length > 0) await attempt('tests', suites);
console.log(`result: ${failed === 0 ? 'all hold' : `${failed} failed`}`);
