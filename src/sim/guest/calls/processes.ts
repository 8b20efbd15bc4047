/** The boundary's calls on processes: shim/sys/process.c and spawn.c. */
import { E2BIG, EACCES, EBADF, ECHILD, EFAULT, EINVAL, EMFILE, ENOMEM, EPERM, ESRCH } from '../../kernel/errno.js';
import { decode } from '../memory.js';
import { isAllowed } from '../policy.js';
import { type Process, RLIMIT_NOFILE } from '../../kernel/process.js';
import { SIGKILL, SIGNAL_MAX, SignalSet } from '../../kernel/signals.js';
import { fork, setLimit, SpawnDescription } from '../../kernel/fork-exec.js';
import { DESCRIPTORS_MAX, LIMITS_MAX, STARTS_MAX, USAGE_BYTES } from '../../../boundary/constants.js';
import { allowedPath } from './files.js';
import type { CallContext, CallTable, Run } from './call.js';

/** The room for strings in an arena of shim/sys/spawn.c. */
const STRINGS_BYTES_MAX = (7 << 20) - 16_384;
const BLOCK_BYTES_MAX = 6 << 20;
/** TASK_COMM_LEN without its NUL. */
const TITLE_BYTES = 15;
const INT32_MAX = 0x7fff_ffffn;

function spawnBegin(guest: CallContext): number {
  guest.description = guest.starting < STARTS_MAX ? new SpawnDescription() : undefined;
  return guest.description ? 0 : -ENOMEM;
}

type Allow = (guest: CallContext, text: string) => boolean;

/** A call that copies NUL-terminated strings, back to back, into the description; `allow` decides which of them the program may name. */
function strings(take: (description: SpawnDescription, list: readonly string[]) => void, allow: Allow = () => true): Run {
  return (guest, at, size) => {
    const { description } = guest;
    if (!description) return -ENOMEM;
    const bytes = guest.bytes(at, size);
    if (!bytes || (bytes.length > 0 && bytes.at(-1) !== 0)) return -EFAULT;
    const list = bytes.length === 0 ? [] : decode(bytes.subarray(0, -1)).split('\0');
    if (!list.every((text) => allow(guest, text))) return -EACCES;
    description.size += bytes.length;
    if (description.size > STRINGS_BYTES_MAX) return -E2BIG;
    take(description, list);
    return 0;
  };
}

function mayRun({ program, process, silent }: CallContext, path: string): boolean { return isAllowed(program, process, path, 'RUN', silent); }

function spawnDirectory(guest: CallContext, at: number): number {
  const path = allowedPath(guest, at, 'HOME');
  if (typeof path === 'number') return path;
  if (!guest.description) return -ENOMEM;
  guest.description.directory = path;
  return 0;
}

function spawnSelf(guest: CallContext): number {
  if (!guest.description) return -ENOMEM;
  guest.description.self = true;
  return 0;
}

function spawnDescriptor(guest: CallContext, target: number, handle: number): number {
  const given = guest.handles.description(handle), { description } = guest;
  if (!given) return -EBADF;
  if (!description) return -ENOMEM;
  if (description.descriptors.length === DESCRIPTORS_MAX || target >>> 0 >= DESCRIPTORS_MAX) return -E2BIG;
  description.descriptors.push({ target, description: given });
  return 0;
}

function spawnUser(guest: CallContext, uid: number, gid: number): number {
  if (!guest.description) return -ENOMEM;
  guest.description.user = { uid: uid >>> 0, gid: gid >>> 0 };
  return 0;
}

function spawnLimit(guest: CallContext, id: number, softLow: number, softHigh: number, hardLow: number, hardHigh: number): number {
  const { description } = guest;
  if (!description) return -ENOMEM;
  if (description.limits.length === LIMITS_MAX) return -E2BIG;
  description.limits.push({ id: id >>> 0, limit: { soft: wide(softLow, softHigh), hard: wide(hardLow, hardHigh) } });
  return 0;
}

function wide(low: number, high: number): bigint { return BigInt(high >>> 0) << 32n | BigInt(low >>> 0); }

function spawnStartPipe(guest: CallContext, handle: number): number {
  const gate = guest.handles.description(handle);
  if (!gate) return -EBADF;
  if (!guest.description) return -ENOMEM;
  guest.description.gate = gate;
  return 0;
}

function spawnBlock(guest: CallContext, handle: number, argumentBytes: number, environmentBytes: number): number {
  const given = guest.handles.description(handle);
  if (!given) return -EBADF;
  if (!guest.description) return -ENOMEM;
  if (argumentBytes >>> 0 > BLOCK_BYTES_MAX || environmentBytes >>> 0 > BLOCK_BYTES_MAX) return -E2BIG;
  guest.description.block = { file: given, argumentBytes, environmentBytes };
  return 0;
}

function spawnGroups(guest: CallContext, at: number, count: number): number {
  if (!guest.bytes(at, count * 4)) return -EFAULT;
  if (!guest.description) return -ENOMEM;
  guest.description.hasGroups = true;
  return 0;
}

function spawnUmask(guest: CallContext): number { return guest.description ? 0 : -ENOMEM; }

function spawnOwner(guest: CallContext): number { return guest.description ? 0 : -ENOMEM; }

function spawn(guest: CallContext, flags: number, reportAt: number): number {
  const { description, process } = guest;
  if (!guest.bytes(reportAt, 4)) return -EFAULT;
  if (!description) return -ENOMEM;
  if (description.failed < 0) return description.failed;
  // The start report needs a pipe; the child keeps its write end.
  if (!process.descriptors.hasRoom) return -EMFILE;
  guest.description = undefined;
  const { child, report } = fork(process, guest, description, flags);
  guest.children.add(child);
  guest.store(reportAt, guest.handles.add(report));
  return child.pidIn(process.namespace);
}

function wait(guest: CallContext, pid: number, statusAt: number): number { return waitFor(guest, pid, statusAt, 4); }

/** Simulated processes take no time and no memory. */
function waitUsage(guest: CallContext, pid: number, at: number): number { return waitFor(guest, pid, at, USAGE_BYTES); }

function waitFor(guest: CallContext, pid: number, statusAt: number, size: number): number {
  const { process } = guest, { namespace } = process, room = guest.writable(statusAt, size);
  if (!room) return -EFAULT;
  const candidates = process.children.filter((child) => pid === -1 || child.pidIn(namespace) === pid);
  if (candidates.length === 0) return -ECHILD;
  const ended = candidates.find((child) => child.ended);
  if (!ended) return 0;
  room.fill(0);
  guest.store(statusAt, ended.status);
  const number = ended.pidIn(namespace);
  ended.reap();
  guest.children.delete(ended);
  return number;
}

function kill(guest: CallContext, pid: number, signal: number): number {
  const { process } = guest, target = process.children.find((child) => child.pidIn(process.namespace) === Math.abs(pid));
  // Only children of this process that have not been reaped.
  if (!target || !guest.children.has(target)) return -EPERM;
  if (signal < 0 || signal > SIGNAL_MAX) return -EINVAL;
  if (process.uid !== 0 && process.uid !== target.uid) return -EPERM;
  if (pid < 0) return killGroup(guest, target, signal);
  const outside = target.namespace !== process.namespace;
  if (signal === SIGKILL && target.isInit && outside) target.doom();
  else target.receive(signal, outside);
  return 0;
}

/** The group that a child leads. kill(2) */
function killGroup({ process }: CallContext, leader: Process, signal: number): number {
  if (leader.group !== leader.pid) return -ESRCH;
  process.machine.signalGroup(leader.session, leader.group, signal);
  return 0;
}

function raise(guest: CallContext, signal: number): number {
  if (signal < 1 || signal > SIGNAL_MAX) return -EINVAL;
  guest.process.undergo(signal);
  return 0;
}

function setsid(guest: CallContext): number {
  const { process } = guest;
  if (process.group === process.pid) return -EPERM;
  process.becomeSessionLeader();
  return process.namespacePid;
}

function setChildSubreaper(guest: CallContext, on: number): number {
  guest.process.isSubreaper = on !== 0;
  return 0;
}

function adoptChild(guest: CallContext, pid: number): number {
  const { process } = guest, child = process.children.find((each) => each.pidIn(process.namespace) === pid);
  if (!child) return -ECHILD;
  guest.children.add(child);
  return 0;
}

function setParentDeathSignal(guest: CallContext, signal: number): number {
  if (signal < 0 || signal > SIGNAL_MAX) return -EINVAL;
  guest.process.deathSignal = signal;
  return 0;
}

function setProcessName(guest: CallContext, at: number): number {
  const name = guest.string(at);
  if (name === undefined) return -EFAULT;
  guest.process.title = name.slice(0, TITLE_BYTES);
  return 0;
}

function raiseNofileLimit(guest: CallContext): number {
  const { process } = guest, { hard } = process.limits.get(RLIMIT_NOFILE)!;
  setLimit(process, RLIMIT_NOFILE, { soft: hard, hard });
  return Number(hard > INT32_MAX ? INT32_MAX : hard);
}

function dropStdioAndEnvironment(guest: CallContext): number {
  // A second call would close handles that now have these numbers.
  if (guest.silent) return -EPERM;
  guest.silent = true;
  for (let fd = 0; fd <= 2; fd++) {
    guest.process.descriptors.close(fd);
    guest.given.delete(fd);
  }
  return 0;
}

function wakeAfter(guest: CallContext, milliseconds: number): number {
  guest.wakeAtMs = milliseconds < 0 ? Infinity : guest.kernel.nowMs + milliseconds;
  return 0;
}

export const processCalls: CallTable = {
  wakeAfter: [1, wakeAfter],
  routeSignals: [2, (guest, low, high) => guest.setSignals(new SignalSet(low, high))],
  spawnBegin: [0, spawnBegin],
  spawnFiles: [2, strings((description, list) => { description.files = list; }, mayRun)],
  spawnSelf: [0, spawnSelf],
  spawnArguments: [2, strings((description, list) => { description.argv = list; })],
  spawnEnvironment: [2, strings((description, list) => { description.environment = list; })],
  spawnDescriptor: [2, spawnDescriptor],
  spawnUser: [2, spawnUser],
  spawnLimit: [5, spawnLimit],
  spawnDirectory: [1, spawnDirectory],
  spawnBlock: [3, spawnBlock],
  spawnGroups: [2, spawnGroups],
  spawnUmask: [1, spawnUmask],
  spawnOwner: [1, spawnOwner],
  spawnStartPipe: [1, spawnStartPipe],
  spawn: [2, spawn],
  wait: [2, wait],
  waitUsage: [2, waitUsage],
  kill: [2, kill],
  raise: [1, raise],
  // Whoever starts a simulated program ignores nothing.
  isIgnored: [1, (_, signal) => (signal < 1 || signal > SIGNAL_MAX ? -EINVAL : 0)],
  setsid: [0, setsid],
  setChildSubreaper: [1, setChildSubreaper],
  adoptChild: [1, adoptChild],
  setParentDeathSignal: [1, setParentDeathSignal],
  setProcessName: [1, setProcessName],
  raiseNofileLimit: [0, raiseNofileLimit],
  dropStdioAndEnvironment: [0, dropStdioAndEnvironment],
};
