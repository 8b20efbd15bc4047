/** The boundary's calls on processes: shim/sys/process.c and description.c. */
import { E2BIG, EACCES, EBADF, ECHILD, EFAULT, EINVAL, EMFILE, ENOMEM, EPERM } from '../errno.js';
import type { Guest } from '../guest.js';
import { decode } from '../memory.js';
import { isAllowed } from '../policy.js';
import { RLIMIT_NOFILE } from '../process.js';
import { SIGKILL, SIGNAL_MAX, SignalSet } from '../signals.js';
import { fork, setLimit, SpawnDescription } from '../spawn.js';
import { DESCRIPTORS_MAX, LIMITS_MAX, STARTS_MAX } from '../../vocabulary.js';
import { allowedPath } from './files.js';
import type { CallTable, Run } from './index.js';

/** An arena of shim/sys/description.c, without what is not for strings. */
const STRINGS_BYTES_MAX = (3 << 20) - 16_384;
/** TASK_COMM_LEN without its NUL. */
const TITLE_BYTES = 15;
const INT32_MAX = 0x7fff_ffffn;

function spawnBegin(guest: Guest): number {
  guest.description = guest.starting < STARTS_MAX ? new SpawnDescription() : undefined;
  return guest.description ? 0 : -ENOMEM;
}

type Allow = (guest: Guest, text: string) => boolean;

/** A call that copies NUL-terminated strings, back to back, into the description; `allow` says which ones it may name. */
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

function mayRun({ program, process: { argv } }: Guest, path: string): boolean { return isAllowed(program, argv, path, 'RUN'); }

function spawnDirectory(guest: Guest, at: number): number {
  const path = allowedPath(guest, at, 'HOME');
  if (typeof path === 'number') return path;
  if (!guest.description) return -ENOMEM;
  guest.description.directory = path;
  return 0;
}

function spawnSelf(guest: Guest): number {
  if (!guest.description) return -ENOMEM;
  guest.description.self = true;
  return 0;
}

function spawnDescriptor(guest: Guest, target: number, handle: number): number {
  const given = guest.handles.description(handle), { description } = guest;
  if (!given) return -EBADF;
  if (!description) return -ENOMEM;
  if (description.descriptors.length === DESCRIPTORS_MAX || target >>> 0 >= DESCRIPTORS_MAX) return -E2BIG;
  description.descriptors.push({ target, description: given });
  return 0;
}

function spawnUser(guest: Guest, uid: number, gid: number): number {
  if (!guest.description) return -ENOMEM;
  guest.description.user = { uid: uid >>> 0, gid: gid >>> 0 };
  return 0;
}

function spawnLimit(guest: Guest, id: number, softLow: number, softHigh: number, hardLow: number, hardHigh: number): number {
  const { description } = guest;
  if (!description) return -ENOMEM;
  if (description.limits.length === LIMITS_MAX) return -E2BIG;
  description.limits.push({ id: id >>> 0, limit: { soft: wide(softLow, softHigh), hard: wide(hardLow, hardHigh) } });
  return 0;
}

function wide(low: number, high: number): bigint { return BigInt(high >>> 0) << 32n | BigInt(low >>> 0); }

function spawnGate(guest: Guest, handle: number): number {
  const gate = guest.handles.description(handle);
  if (!gate) return -EBADF;
  if (!guest.description) return -ENOMEM;
  guest.description.gate = gate;
  return 0;
}

function spawn(guest: Guest, flags: number, reportAt: number): number {
  const { description, process } = guest;
  if (!guest.bytes(reportAt, 4)) return -EFAULT;
  if (!description) return -ENOMEM;
  if (description.failed < 0) return description.failed;
  // A pipe for the report, of which the child keeps an end.
  if (!process.descriptors.hasRoom) return -EMFILE;
  guest.description = undefined;
  const { child, report } = fork(process, guest, description, flags);
  guest.store(reportAt, guest.handles.add(report));
  return child.pidIn(process.namespace);
}

function wait(guest: Guest, pid: number, statusAt: number): number {
  const { process } = guest, { namespace } = process;
  if (!guest.bytes(statusAt, 4)) return -EFAULT;
  const candidates = process.children.filter((child) => pid === -1 || child.pidIn(namespace) === pid);
  if (candidates.length === 0) return -ECHILD;
  const ended = candidates.find((child) => child.ended);
  if (!ended) return 0;
  guest.store(statusAt, ended.status);
  const number = ended.pidIn(namespace);
  ended.reap();
  return number;
}

function kill(guest: Guest, pid: number, signal: number): number {
  const { process } = guest, target = process.children.find((child) => child.pidIn(process.namespace) === pid);
  // Only children that were not waited for.
  if (!target) return -EPERM;
  if (signal < 0 || signal > SIGNAL_MAX) return -EINVAL;
  if (process.uid !== 0 && process.uid !== target.uid) return -EPERM;
  const outside = target.namespace !== process.namespace;
  if (signal === SIGKILL && target.isInit && outside) target.doom();
  else target.receive(signal, outside);
  return 0;
}

function raise(guest: Guest, signal: number): number {
  if (signal < 1 || signal > SIGNAL_MAX) return -EINVAL;
  guest.process.undergo(signal);
  return 0;
}

function session(guest: Guest): number {
  const { process } = guest;
  if (process.group === process.pid) return -EPERM;
  process.becomeSessionLeader();
  return process.ownPid;
}

function dieWithParent(guest: Guest, signal: number): number {
  if (signal < 0 || signal > SIGNAL_MAX) return -EINVAL;
  guest.process.deathSignal = signal;
  return 0;
}

function title(guest: Guest, at: number): number {
  const name = guest.string(at);
  if (name === undefined) return -EFAULT;
  guest.process.title = name.slice(0, TITLE_BYTES);
  return 0;
}

function moreDescriptors(guest: Guest): number {
  const { process } = guest, { hard } = process.limits.get(RLIMIT_NOFILE)!;
  setLimit(process, RLIMIT_NOFILE, { soft: hard, hard });
  return Number(hard > INT32_MAX ? INT32_MAX : hard);
}

function forgetOrigin(guest: Guest): number {
  // A second time the numbers would be those of handles.
  if (guest.silent) return -EPERM;
  guest.silent = true;
  for (let fd = 0; fd <= 2; fd++) {
    guest.process.descriptors.close(fd);
    guest.given.delete(fd);
  }
  return 0;
}

function wakeAfter(guest: Guest, milliseconds: number): number {
  guest.wakeAtMs = milliseconds < 0 ? Infinity : guest.kernel.nowMs + milliseconds;
  return 0;
}

export const processCalls: CallTable = {
  wakeAfter: [1, wakeAfter],
  signals: [2, (guest, low, high) => guest.setSignals(new SignalSet(low, high))],
  spawnBegin: [0, spawnBegin],
  spawnFiles: [2, strings((description, list) => { description.files = list; }, mayRun)],
  spawnSelf: [0, spawnSelf],
  spawnArguments: [2, strings((description, list) => { description.argv = list; })],
  spawnEnvironment: [2, strings((description, list) => { description.environment = list; })],
  spawnDescriptor: [2, spawnDescriptor],
  spawnUser: [2, spawnUser],
  spawnLimit: [5, spawnLimit],
  spawnDirectory: [1, spawnDirectory],
  spawnGate: [1, spawnGate],
  spawn: [2, spawn],
  wait: [2, wait],
  kill: [2, kill],
  raise: [1, raise],
  session: [0, session],
  dieWithParent: [1, dieWithParent],
  title: [1, title],
  moreDescriptors: [0, moreDescriptors],
  forgetOrigin: [0, forgetOrigin],
};
