import { once } from 'node:events';
import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Container } from '../../src/core/container/container.js';
import { programPath } from '../../src/base/paths.js';
import type { Channel, Process, ProgramKind, Role, Topology } from '../../src/topology/model.js';
import { locate, takeSnapshot } from '../../src/topology/read.js';
import { topologyOf } from '../../src/topology/topology.js';
import { startInside } from '../containers/chain.js';
import { noContainers, startContainer, type TestContainer } from '../support/container.js';
import { isActive, start, startLink, stopAll } from '../support/iomux.js';
import { firstOutput, scratch, until } from '../support/process.js';
import { unless } from '../support/skip.js';
import { Terminal } from '../support/terminal.js';

const suiteOfLive = suite('topology: of running containers');
const live = unless(noContainers, suiteOfLive);
const containers: TestContainer[] = [];
const GROUP = `/sys/fs/cgroup/memory/warden-test-topology-${process.pid}`;

suiteOfLive.after.each(async () => {
  await stopAll();
  for (const container of containers.splice(0)) await container.destroy();
  // A group is busy until the kernel is through with its last process.
  if (existsSync(GROUP)) await until(removesGroup, 'the group is empty');
});

function removesGroup(): boolean {
  try {
    rmdirSync(GROUP);
    return true;
  } catch {
    return false;
  }
}

async function newContainer(): Promise<TestContainer> {
  const container = await startContainer();
  containers.push(container);
  return container;
}

function look(container: TestContainer): Topology { return topologyOf(takeSnapshot(), locate(container.path)); }

function one(topology: Topology, program: ProgramKind): Process {
  const found = topology.processes.filter((process) => process.program === program);
  assert.is(found.length, 1, `${program}: ${found.map(({ pid }) => pid).join()}`);
  return found[0]!;
}

/** "PROGRAM SIDE" of each end. */
function endsOf(topology: Topology, { ends }: Channel): string[] {
  return ends.map(({ pid, side }) => `${topology.processes.find((process) => process.pid === pid)!.program} ${side}`).sort();
}

/** Ends of the one channel with that role at which a program of that kind is. */
function channel(topology: Topology, role: Role, program: ProgramKind): string[] {
  const { pid } = one(topology, program);
  const found = topology.channels.filter((candidate) => candidate.role === role && candidate.ends.some((end) => end.pid === pid));
  assert.is(found.length, 1, `${program} has ${found.length} of ${role}`);
  return endsOf(topology, found[0]!);
}

/** Descriptors without a role that says what they are for. */
function unexplained(topology: Topology): string[] {
  return topology.processes.flatMap(({ program, pid, descriptors }) => descriptors
    .filter(({ role }) => role === 'unexplained').map(({ fd, target }) => `${program} ${pid}: ${fd} ${target}`));
}

/** Moves a process into a memory cgroup of its own; undefined where there is no memory controller of version 1. */
function inMemoryGroup(pid: number): string | undefined {
  if (!existsSync('/sys/fs/cgroup/memory/memory.limit_in_bytes')) return undefined;
  mkdirSync(GROUP);
  writeFileSync(`${GROUP}/cgroup.procs`, String(pid));
  return GROUP;
}

live('a chain: every end of every pipe and socket has its role, and its other end', async () => {
  const container = await newContainer();
  const group = inMemoryGroup(container.pid);
  const job = await startInside(container, 'echo started; exec sleep 1000');
  const link = startLink(job.directory);
  if (group !== undefined) start([programPath('oom'), group]);
  await until(() => isActive(job) && link.output().length > 0, 'the command runs');
  await until(() => group === undefined || look(container).processes.some(({ descriptors }) => descriptors
    .some(({ role }) => role === 'memory-event')), 'oom watches');
  const topology = look(container);
  assert.is(topology.container.pid, container.pid);
  for (const [role, program, ends] of [
    ['job-stdout', 'wsh', ['iomux-spawn read', 'wsh write']],
    ['job-stderr', 'wsh', ['iomux-spawn read', 'wsh write']],
    ['command-stdin', 'command', ['command read', 'wsh write']],
    ['command-stdout', 'command', ['command write', 'wsh read']],
    ['command-stderr', 'command', ['command write', 'wsh read']],
    ['request', 'wsh', ['wsh connected', 'wshd accepted']],
    ['request-socket', 'wshd', ['wshd listen']],
    ['stdout-socket', 'iomux-spawn', ['iomux-spawn listen']],
    ['stderr-socket', 'iomux-spawn', ['iomux-spawn listen']],
    ['status-socket', 'iomux-spawn', ['iomux-spawn listen']],
    ['stdout-link', 'iomux-link', ['iomux-link connected', 'iomux-spawn accepted']],
    ['stderr-link', 'iomux-link', ['iomux-link connected', 'iomux-spawn accepted']],
    ['status-link', 'iomux-link', ['iomux-link connected', 'iomux-spawn accepted']],
    ['stdin', 'iomux-spawn', ['iomux-spawn connected', 'server connected', 'wsh connected']],
    ['stdout', 'iomux-link', ['iomux-link connected', 'server connected']],
    ['stderr', 'iomux-link', ['iomux-link connected', 'server connected']],
    ['start-report', 'iomux-spawn', ['iomux-spawn read']],
  ] as const) assert.equal(channel(topology, role, program), ends, role);
  assert.equal(unexplained(topology), []);
  assert.is(one(topology, 'server').pid, process.pid);
  for (const program of ['iomux-spawn', 'wsh', 'iomux-link', 'command'] as const) assert.is(one(topology, program).job, '1', program);
  if (group === undefined) return;
  const roles = one(topology, 'oom').descriptors.map(({ role }) => role).filter((role) => role.startsWith('memory-'));
  assert.equal(roles, ['memory-control', 'memory-notify', 'memory-event']);
});

live('a terminal: the caller\'s pty and the container\'s, though they may have the same number', async () => {
  const container = await newContainer();
  const terminal = new Terminal([programPath('wsh'), '--socket', container.socket, '/bin/sh']);
  try {
    await terminal.sees(/[$#] /);
    const topology = look(container);
    assert.equal(channel(topology, 'pty', 'wsh'), ['command slave', 'wsh master']);
    assert.equal(channel(topology, 'request', 'wsh'), ['wsh connected', 'wshd accepted']);
    const callers = topology.channels.find(({ role }) => role === 'terminal')!;
    // The test's driver keeps a slave of its own.
    assert.equal(endsOf(topology, callers), ['server master', 'server slave', 'wsh slave']);
    assert.equal(unexplained(topology), []);
  } finally {
    await terminal.close();
  }
});

live('a command of protocol 1: a pipe brings its exit status', async () => {
  const container = await newContainer();
  // Without the sign of protocol 2, as a wshd of version 1 leaves its socket.
  chmodSync(container.socket, 0o600);
  const child = spawn(programPath('wsh'), ['--socket', container.socket, 'sh', '-c', 'echo started; exec sleep 1000'], { stdio: ['ignore', 'pipe', 'ignore'] });
  try {
    await firstOutput(child.stdout, 'the command');
    const topology = look(container);
    assert.equal(channel(topology, 'exit-status', 'wsh'), ['wsh read', 'wshd write']);
    assert.equal(channel(topology, 'command-stderr', 'wsh'), ['command write', 'wsh read']);
    assert.equal(unexplained(topology), []);
  } finally {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
});

live('a job before its first link: the gate, and a command that is not yet one', async () => {
  const container = await newContainer();
  const job = await startInside(container, 'true');
  const topology = look(container);
  assert.equal(channel(topology, 'start-gate', 'iomux-spawn'), ['command read', 'iomux-spawn write']);
  assert.is(one(topology, 'command').pid, job.childPid);
  assert.equal(unexplained(topology), []);
});

live('of two containers each its own', async () => {
  const [first, second] = [await newContainer(), await newContainer()];
  const job = await startInside(first, 'exec sleep 1000');
  startLink(job.directory);
  await until(() => isActive(job), 'the command runs');
  assert.equal(look(second).processes.map(({ pid }) => pid), [second.pid]);
  assert.is(one(look(first), 'wshd').pid, first.pid);
});

live('commands that talk to each other within the container', async () => {
  const container = await newContainer();
  const child = spawn(programPath('wsh'), ['--socket', container.socket, 'sh', '-c', 'echo started; sleep 1000 | sleep 1001'], { stdio: ['ignore', 'pipe', 'ignore'] });
  try {
    await firstOutput(child.stdout, 'the command');
    await until(() => look(container).channels.some(({ role }) => role === 'internal'), 'the pipeline runs');
    const within = look(container).channels.find(({ role }) => role === 'internal')!;
    await until(() => endsOf(look(container), within).length === 2, 'the shell has closed its ends');
    assert.equal(endsOf(look(container), within), ['command read', 'command write']);
  } finally {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
});

live('a process that uses the library: it holds what programs would hold', async () => {
  const { path, remove } = scratch();
  const container = await Container.create({ depot: path, memoryBytes: 64 << 20, ephemeral: true });
  try {
    const job = await container.spawn(['sh', '-c', 'echo started; exec sleep 1000']);
    const link = job.link();
    await firstOutput(link.stdout!, 'the job');
    await using command = container.exec(['sh', '-c', 'echo started; exec sleep 1001']);
    await firstOutput(command.stdout!, 'the command');
    const topology = topologyOf(takeSnapshot(), locate(container.directory));
    const server = one(topology, 'server');
    assert.is(server.pid, process.pid);
    for (const role of ['stdout-link', 'stderr-link', 'status-link'] as const) {
      assert.equal(channel(topology, role, 'iomux-spawn'), ['iomux-spawn accepted', 'server connected'], role);
    }
    assert.equal(channel(topology, 'lifeline', 'watcher'), ['server write', 'watcher read']);
    const held = new Set(server.descriptors.map(({ role }) => role));
    for (const role of ['command-stdin', 'command-stdout', 'command-stderr', 'request'] as const) assert.ok(held.has(role), role);
    assert.equal(topology.processes.filter(({ program }) => program === 'command').map(({ job: id }) => id).sort(), [job.id, null]);
    assert.equal(unexplained(topology), []);
    await command.kill('SIGKILL');
    await link.stop();
  } finally {
    await container.destroy();
    remove();
  }
});

live('of a process\'s arguments, which a thousand others can share, no more than wsh can have given it', async () => {
  const long = spawn('sh', ['-c', 'read line', 'name', 'x'.repeat(100_000)], { stdio: ['pipe', 'ignore', 'ignore'] });
  try {
    await once(long, 'spawn');
    const { command } = takeSnapshot().processes.find(({ pid }) => pid === long.pid)!;
    assert.equal(command.slice(0, 4), ['sh', '-c', 'read line', 'name']);
    assert.is(command.join('\0').length, 8_192);
  } finally {
    long.kill('SIGKILL');
    await once(long, 'exit');
  }
});

suiteOfLive.run();
