/**
 * What is tried on a machine, from inside of it: guest.js CGROUPS good|refused CONTAINERS [PART-OF-A-TEST'S-PATH…]. Prints a line for
 * each trial, and "result: …" at the end.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { release, tmpdir } from 'node:os';
import { packageRoot, programPath } from '../../src/base/paths.js';
import { Container } from '../../src/index.js';
import { allHold, attempt, expect, type Outcome, outcomeOf, warden } from './trial.js';

const INSTALLED = '/package', AT_ONCE = 10, LIMIT_BYTES = 16 << 20;
const [cgroups = 'v2', expected = 'good', containers = '100', ...tests] = process.argv.slice(2);

function greeting(): string {
  const { status, stdout, stderr } = warden('run', '--', 'sh', '-c', 'echo hello from $(hostname)');
  expect(status === 0 && /^hello from \S+$/.test(stdout.trim()), `${status} ${stdout}${stderr}`);
  return stderr === '' ? 'hello' : `hello; ${stderr.trim().replaceAll('\n', ' | ')}`;
}

/** What `warden doctor` does not find good. */
function doctor(): string {
  const { status, stdout, stderr } = warden('doctor');
  const words = stdout.trim().split('\n').filter((line) => !/^(SUBJECT|.* +good )/.test(line)).map((line) => line.replace(/ {2,}/g, ': ')).filter(Boolean).join(' | ');
  expect(status === (expected === 'good' ? 0 : 1), `exit code ${status}: ${words}${stderr}`);
  return words;
}

/** The command as npm installs it, with prebuilt programs: image.ts. */
function installed(): string {
  expect(outcomeOf('sh', '-c', 'command -v cc gcc make').status !== 0, 'this machine has a compiler');
  const { status, stdout, stderr } = outcomeOf(`${INSTALLED}/node_modules/.bin/warden`, 'run', '--', 'sh', '-c', 'echo hello from $(hostname)');
  expect(status === 0 && /^hello from \S+$/.test(stdout.trim()), `${status} ${stdout}${stderr}`);
  return 'hello, without a compiler';
}

function ownIds(): string {
  const { status, stdout, stderr } = warden('run', '--userns', 'required', '--', 'cat', '/proc/self/uid_map');
  expect(status === 0 && /^ +0 +[1-9]/.test(stdout), `${status} ${stdout}${stderr}`);
  return 'a container has ids of its own';
}

/** A job whose output a second link takes up where the first stopped. */
async function job(): Promise<string> {
  const container = await Container.create();
  try {
    const { id } = await container.spawn(['sh', '-c', 'echo one; sleep 1; echo two; exit 42'], { start: 'linked' });
    const found = await (await Container.open(container.directory)).job(id), first = found.link();
    let text = '';
    for await (const piece of first.stdout!) {
      text += String(piece);
      break;
    }
    await first.stop();
    const second = found.link({ cursors: first.cursors });
    for await (const piece of second.stdout!) text += String(piece);
    const { exitCode } = await second.result;
    expect(text === 'one\ntwo\n' && exitCode === 42, `${JSON.stringify(text)}, exit code ${exitCode}`);
    return 'a second link continues the output, and has the exit code';
  } finally {
    await container.destroy();
  }
}

/** A bundle whose root is this machine's, read-only. */
function bundle(): string {
  const directory = mkdtempSync(`${tmpdir()}/bundle-`), file = `${directory}/config.json`;
  const made = outcomeOf(programPath('warden-runtime'), 'spec', '-b', directory);
  expect(made.status === 0, `${made.status} ${made.stderr}`);
  const config = JSON.parse(readFileSync(file, 'utf8')) as { process: { args: string[]; terminal: boolean }; root: object };
  Object.assign(config.process, { args: ['sh', '-c', 'echo $$; exit 7'], terminal: false });
  config.root = { path: `${directory}/root`, readonly: true };
  writeFileSync(file, JSON.stringify(config));
  mkdirSync(`${directory}/root`);
  const bound = outcomeOf('mount', '--bind', '/', `${directory}/root`);
  expect(bound.status === 0, bound.stderr);
  return directory;
}

function runtime(): string {
  const manager = cgroups === 'none' ? ['--cgroup-manager', 'disabled'] : [];
  const { status, stdout, stderr } = outcomeOf(programPath('warden-runtime'), ...manager, 'run', '-b', bundle(), 'one');
  expect(status === 7 && stdout === '1\n' && stderr === '', `${status} ${stdout}${stderr}`);
  return `a bundle runs${manager.length > 0 ? ', with --cgroup-manager disabled' : ''}`;
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
  for (let done = 0; done < Number(containers); done += AT_ONCE) await Promise.all(Array.from({ length: AT_ONCE }, one));
  return `${containers} containers made, used and destroyed`;
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

/** Newer kernels of Debian have no memory controller of version 1. */
function hasMemory(): boolean {
  if (existsSync('/sys/fs/cgroup/memory/memory.limit_in_bytes')) return true;
  const files = ['/sys/fs/cgroup/cgroup.controllers', '/sys/fs/cgroup/unified/cgroup.controllers'].filter((file) => existsSync(file));
  return files.some((file) => readFileSync(file, 'utf8').split(/\s/).includes('memory'));
}

function noLimits(): string {
  const { status, stdout, stderr } = warden('run', '--memory', '64M', '--', 'true');
  expect(status === 1 && stdout === '' && /cgroup/.test(stderr) && !/at .*\.[cj]s:/.test(stderr), `${status} ${stdout}${stderr}`);
  return `a limit is refused: ${stderr.trim()}`;
}

function suites(): string {
  const { status, stdout, stderr } = outcomeOf(process.execPath, `${packageRoot}build/js/tools/test/run.js`, ...tests);
  const last = stdout.trim().split('\n').at(-1)!;
  if (status !== 0) console.log(stdout, stderr);
  expect(status === 0, last);
  return last;
}

/** On a kernel that is too old, each way to make a container ends in one sentence that says so, and leaves nothing behind. */
async function refusals(): Promise<void> {
  const isOne = (text: string): boolean => /^[^\n]*Linux 5\.12[^\n]*$/.test(text.trim());
  const refused = ({ status, stdout, stderr }: Outcome, code: number): string => {
    expect(status === code && stdout === '' && isOne(stderr), `${status} ${stdout}${stderr}`);
    return stderr.trim();
  };
  await attempt('warden run', () => refused(warden('run', '--', 'true'), 1));
  await attempt('warden run --userns host', () => refused(warden('run', '--userns', 'host', '--', 'true'), 1));
  await attempt('warden-runtime', () => refused(outcomeOf(programPath('warden-runtime'), '--cgroup-manager', 'disabled', 'run', '-b', bundle(), 'one'), 1));
  await attempt('library', async () => {
    const made = await Container.create().then(() => undefined, (error: unknown) => (error as Error).message);
    expect(made !== undefined && isOne(made), String(made));
    return made!;
  });
  await attempt('left behind', () => {
    const left = ['/run/warden', '/run/warden-runtime'].flatMap((directory) => { try { return readdirSync(directory); } catch { return []; } });
    expect(left.length === 0, left.join(' '));
    return 'nothing';
  });
}

console.log(`trial: Linux ${release()}, ${process.arch}, Node ${process.version}, glibc ${(process.report.getReport() as { header: { glibcVersionRuntime: string } }).header.glibcVersionRuntime}`);
await attempt('doctor', doctor);
if (expected === 'refused') {
  await refusals();
} else {
  await attempt('greeting', greeting);
  if (existsSync(INSTALLED)) await attempt('npm package', installed);
  await attempt('user namespace', ownIds);
  await attempt('cgroups', hasMemory() ? limits : noLimits);
  await attempt('job', job);
  await attempt('runtime', runtime);
  await attempt('containers', many);
  if (tests.length > 0) await attempt('tests', suites);
}
console.log(allHold() ? 'result: all hold' : 'result: NOT all hold');
