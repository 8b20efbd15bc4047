/**
 * The boundary's calls that change the process of a runtime, and some of them PID 1 of a container: shim/sys/self.c and
 * shim/launcher/fork.c. Namespaces but those of pids and mounts, capabilities, filters and limits of resources are taken note of;
 * nothing here looks at them.
 */
import { EBADF, EFAULT, EINVAL, EMFILE, ENOMEM, ENOTTY, EPERM, ESRCH } from '../../kernel/errno.js';
import { begin, copyView, findExecutable, originOf, setLimit } from '../../kernel/fork-exec.js';
import { FileDescription } from '../../kernel/open-file.js';
import { PidNamespace, Process } from '../../kernel/process.js';
import { ptyOf } from '../../kernel/tty/pty.js';
import { SIGNAL_MAX } from '../../kernel/signals.js';
import { FileType, READ } from '../../../boundary/constants.js';
import { isRuntime } from '../policy.js';
import type { CallContext, CallTable, Run } from './call.js';

/** CLONE_NEW… of namespaces(7). */
const NEW_MOUNT = 0x20000, NEW_PID = 0x20000000;
const NAMESPACES = 0x80 | NEW_MOUNT | 0x2000000 | 0x4000000 | 0x8000000 | 0x10000000 | NEW_PID | 0x40000000;
const GROUPS_MAX = 65536, INSTRUCTIONS_MAX = 4096, KEPT_MAX = 29;

/** The PR_… of linux/prctl.h that shim/sys/self.c allows. */
const OPTIONS: ReadonlySet<number> = new Set([1, 4, 8, 23, 24, 28, 36, 38, 47]);
/** Those of them that PID 1 may use, too. */
const CONFINING: ReadonlySet<number> = new Set([23, 24, 28, 47]);

/** pidfd_open(2) */
class OpenProcess extends FileDescription {
  get kind(): FileType { return FileType.OTHER; }
  constructor(readonly process: Process) { super(false, false); }
  poll(): number { return this.process.ended ? READ : 0; }
}

/** PID 1 of a container that does not serve yet, or a runtime: shim/sys/policy.c. */
function mayConfine(guest: CallContext): boolean {
  return isRuntime(guest.program) || (guest.program === 'wshd' && guest.process.isInit && !guest.silent);
}

function ofConfining(run: Run): Run { return (guest, ...numbers) => (mayConfine(guest) ? run(guest, ...numbers) : -EPERM); }

function ofRuntime(run: Run): Run { return (guest, ...numbers) => (isRuntime(guest.program) ? run(guest, ...numbers) : -EPERM); }

/** A call that only root may make. */
function ofRoot(run: Run): Run { return ofRuntime((guest, ...numbers) => (guest.process.uid === 0 ? run(guest, ...numbers) : -EPERM)); }

function fork(guest: CallContext, namespaces: number): number {
  const { process } = guest;
  if ((namespaces & ~NAMESPACES) !== 0) return -EINVAL;
  if (namespaces !== 0 && process.uid !== 0) return -EPERM;
  const origin = originOf(process, process.descriptors.copy());
  if ((namespaces & NEW_MOUNT) !== 0) origin.view = copyView(process);
  if ((namespaces & NEW_PID) !== 0) origin.namespace = new PidNamespace(process.namespace);
  const child = new Process(process.machine, origin);
  child.title = process.title;
  child.argv = process.argv;
  child.environment = process.environment;
  child.program = process.program;
  child.runner = guest.forked(child);
  guest.children.add(child);
  process.machine.add(child);
  process.machine.reportStarted(child);
  return child.pidIn(process.namespace);
}

/** The simulated /proc has no /proc/PID/ns: no handle is a namespace. */
function joinNamespace(guest: CallContext, handle: number): number { return guest.handles.description(handle) ? -EINVAL : -EBADF; }

/** Nothing here is a device that a group could be kept from. */
function attachDeviceFilter(guest: CallContext, group: number, at: number, count: number): number {
  if (!guest.handles.description(group)) return -EBADF;
  return guest.bytes(at, count * 8) ? 0 : -EFAULT;
}

const NEW_CGROUP = 0x2000000;

function unshare(guest: CallContext, namespaces: number): number {
  if (guest.process.uid !== 0) return -EPERM;
  if ((namespaces & ~(isRuntime(guest.program) ? NAMESPACES : NEW_CGROUP)) !== 0) return -EINVAL;
  if ((namespaces & NEW_MOUNT) !== 0) guest.process.view = copyView(guest.process);
  return 0;
}

function execute(guest: CallContext, keep: number): number {
  const { description, process } = guest;
  if (!description) return -ENOMEM;
  if (description.failed < 0) return description.failed;
  if (keep >>> 0 > KEPT_MAX) return -EINVAL;
  const found = findExecutable(process, description.files, description.argv);
  if (typeof found === 'number') return found;
  process.descriptors.execute(3 + keep);
  begin(process, found, description.environment);
  // The module is gone: its calls do not return.
  return guest.left();
}

function openProcess(guest: CallContext, pid: number): number {
  const process = guest.process.namespace.find(pid);
  if (!process || process.reaped) return -ESRCH;
  return guest.process.descriptors.hasRoom ? guest.handles.add(new OpenProcess(process)) : -EMFILE;
}

function signalProcess(guest: CallContext, handle: number, signal: number): number {
  const description = guest.handles.description(handle);
  if (!description) return -EBADF;
  if (!(description instanceof OpenProcess) || signal < 0 || signal > SIGNAL_MAX) return -EINVAL;
  const { process } = description;
  if (process.reaped) return -ESRCH;
  if (guest.process.uid !== 0 && guest.process.uid !== process.uid) return -EPERM;
  if (signal !== 0 && !process.ended) process.receive(signal, process.namespace !== guest.process.namespace);
  return 0;
}

function placeDescriptor(guest: CallContext, fd: number, handle: number): number {
  const description = guest.handles.description(handle);
  if (!description) return -EBADF;
  if (fd >>> 0 > 2) return -EINVAL;
  guest.process.descriptors.place(fd, description);
  return fd;
}

function takeTerminal(guest: CallContext, handle: number): number {
  const description = guest.handles.description(handle), pty = description && ptyOf(description);
  if (!pty) return description ? -ENOTTY : -EBADF;
  if (guest.process.session.leader !== guest.process) return -EPERM;
  guest.process.takeTerminal(pty);
  return 0;
}

function setGroups(guest: CallContext, at: number, count: number): number {
  if (count >>> 0 > GROUPS_MAX) return -EINVAL;
  return guest.bytes(at, count * 4) ? 0 : -EFAULT;
}

function setUser(guest: CallContext, uid: number, gid: number): number {
  const { process } = guest;
  if (process.uid !== 0 && (process.uid !== uid >>> 0 || process.gid !== gid >>> 0)) return -EPERM;
  process.uid = uid >>> 0;
  process.gid = gid >>> 0;
  return 0;
}

/** CAP_LAST_CAP of linux/capability.h, and the prctl options that take a capability's number. */
const LAST_CAPABILITY = 40, BOUNDING_READ = 23, BOUNDING_DROP = 24;

function processControl(guest: CallContext, option: number, first: number): number {
  const isBounding = option === BOUNDING_READ || option === BOUNDING_DROP;
  if (OPTIONS.has(option) && !CONFINING.has(option) && !isRuntime(guest.program)) return -EPERM;
  if (!OPTIONS.has(option) || (isBounding && first >>> 0 > LAST_CAPABILITY)) return -EINVAL;
  return option === BOUNDING_READ ? 1 : 0;
}

function setFilter(guest: CallContext, _flags: number, at: number, count: number): number {
  if (count >>> 0 > INSTRUCTIONS_MAX) return -EINVAL;
  return guest.bytes(at, count * 8) ? 0 : -EFAULT;
}

function wide(low: number, high: number): bigint { return BigInt(high >>> 0) << 32n | BigInt(low >>> 0); }

export const selfCalls: CallTable = {
  seal: [0, ofRuntime(() => 0)],
  fork: [1, ofRuntime(fork)],
  joinNamespace: [2, ofRuntime(joinNamespace)],
  unshare: [1, ofConfining(unshare)],
  execute: [1, ofRuntime(execute)],
  openProcess: [1, ofRuntime(openProcess)],
  signalProcess: [2, ofRuntime(signalProcess)],
  placeDescriptor: [2, ofRuntime(placeDescriptor)],
  takeTerminal: [1, ofRuntime(takeTerminal)],
  setUmask: [1, ofRuntime(() => 0o022)],
  setGroups: [2, ofRoot(setGroups)],
  setUser: [2, ofRuntime(setUser)],
  setCapabilities: [1, ofConfining((guest, at) => (guest.bytes(at, 32) ? 0 : -EFAULT))],
  processControl: [3, ofConfining(processControl)],
  setLimit: [5, ofRuntime((guest, id, softLow, softHigh, hardLow, hardHigh) => (
    setLimit(guest.process, id >>> 0, { soft: wide(softLow, softHigh), hard: wide(hardLow, hardHigh) })))],
  setFilter: [3, ofConfining(setFilter)],
  setScheduler: [2, ofRuntime((guest, at, size) => guest.bytes(at, size) && size >>> 0 >= 48 ? 0 : -EFAULT)],
  setIoPriority: [1, ofRuntime(() => 0)],
  setPersonality: [1, ofRuntime(() => 0)],
  attachDeviceFilter: [3, ofRuntime(attachDeviceFilter)],
  newKeyring: [0, ofConfining(() => 1)],
  resetAttributes: [0, (guest) => (guest.program === 'wshd' && !guest.silent ? 0 : -EPERM)],
  setHostName: [3, ofRoot((guest, at, size) => (guest.bytes(at, size) ? 0 : -EFAULT))],
};
