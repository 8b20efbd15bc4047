/** The boundary's calls for container set-up, terminals and cgroups: shim/sys/container.c, terminal.c, cgroup.c. */
import { Counter, follow as followGroup, MemoryCgroup } from '../../kernel/cgroup.js';
import type { FileDescription } from '../../kernel/open-file.js';
import { EBADF, EFAULT, ENOENT, ENOTDIR, ENOTTY, EPERM } from '../../kernel/errno.js';
import { Directory } from '../../kernel/files.js';
import { OPEN_READ } from '../../../boundary/constants.js';
import { type DirectoryPlace, lookUp, type Place } from '../../kernel/mounts/mounts.js';
import type { Use } from '../policy.js';
import { type Pty, PtyMaster, PtySlave, terminalOf } from '../../kernel/tty/pty.js';
import { copyView, enterDirectory } from '../../kernel/fork-exec.js';
import { addPair } from './descriptors.js';
import { allowedPath, makeDirectory, removeDirectory } from './files.js';
import type { CallContext, CallTable, Run } from './call.js';

/** A call on a path. */
function onPath(use: Use, what: (guest: CallContext, path: string) => number): (guest: CallContext, at: number) => number {
  return (guest, at) => {
    const path = allowedPath(guest, at, use);
    return typeof path === 'number' ? path : what(guest, path);
  };
}

function onPlace(use: Use, what: (guest: CallContext, place: Place) => number): (guest: CallContext, at: number) => number {
  return onPath(use, (guest, path) => {
    const place = lookUp(guest.process.view, path);
    return typeof place === 'number' ? place : what(guest, place);
  });
}

function unshareMounts(guest: CallContext): number {
  if (guest.process.uid !== 0) return -EPERM;
  guest.process.view = copyView(guest.process);
  return 0;
}

function bindRootAndEnter(guest: CallContext, place: Place): number {
  const { process } = guest;
  if (process.uid !== 0) return -EPERM;
  if (!(place.node instanceof Directory)) return -ENOTDIR;
  process.view.directory = process.view.mounts.bind(place as DirectoryPlace);
  return 0;
}

function pivot(guest: CallContext, oldRoot: Place): number {
  const { process } = guest, { view } = process;
  if (process.uid !== 0) return -EPERM;
  const newRoot = view.directory, result = view.mounts.pivot(view.root, newRoot, oldRoot);
  if (result < 0) return result;
  view.root = view.directory = newRoot;
  return 0;
}

function openPty(guest: CallContext, handlesAt: number): number {
  const place = lookUp(guest.process.view, '/dev/ptmx');
  if (typeof place === 'number') return place;
  const master = place.node.open(OPEN_READ);
  if (typeof master === 'number') return master;
  if (!(master instanceof PtyMaster)) {
    // Close the opened file: it is no terminal.
    master.hold().drop();
    return -ENOTTY;
  }
  return addPair(guest, handlesAt, master, new PtySlave(master.pty));
}

/** A call on a terminal. */
function onPty(use: (guest: CallContext, pty: Pty, first: number, second: number) => number): Run {
  return (guest, handle, first, second) => {
    const description = guest.handles.description(handle), pty = description ? terminalOf(description) : -EBADF;
    return typeof pty === 'number' ? pty : use(guest, pty, first, second);
  };
}

function setRawMode(guest: CallContext, pty: Pty): number {
  guest.settings ??= { ...pty.settings };
  pty.set({ cooked: false });
  return 0;
}

function restoreTermios(guest: CallContext, handle: number): number {
  const description = guest.handles.description(handle);
  if (!description) return -EBADF;
  if (!guest.settings) return 0;
  const pty = terminalOf(description);
  if (typeof pty === 'number') return pty;
  pty.set({ ...guest.settings });
  return 0;
}

function copyWindowSize(guest: CallContext, from: number, to: number): number {
  const source = guest.handles.description(from), target = guest.handles.description(to);
  if (!source || !target) return -EBADF;
  const shown = terminalOf(source), changed = terminalOf(target);
  if (typeof shown === 'number') return shown;
  if (typeof changed === 'number') return changed;
  changed.resize(shown.size);
  return 0;
}

function windowSize(guest: CallContext, handle: number, at: number): number {
  const description = guest.handles.description(handle);
  if (!description) return -EBADF;
  if (!guest.writable(at, 8)) return -EFAULT;
  const pty = terminalOf(description);
  if (typeof pty === 'number') return pty;
  guest.store(at, pty.size.rows, pty.size.columns);
  return 0;
}

function setWindowSize(_guest: CallContext, pty: Pty, rows: number, columns: number): number {
  pty.resize({ rows: rows & 0xffff, columns: columns & 0xffff });
  return 0;
}

function cgroupNotify(guest: CallContext, counter: number, control: number, eventControl: number): number {
  const [event, file, target] = [counter, control, eventControl].map((handle) => guest.handles.get(handle));
  if (!event || !file || !target) return -EBADF;
  const result = MemoryCgroup.notify(event.description, file.description, target.description);
  // Linux returns the length of the line written to cgroup.event_control, which names both descriptors.
  return result < 0 ? result : `${event.fd} ${file.fd}`.length;
}

function watchMemoryEvents(guest: CallContext, fileAt: number, directoryAt: number): number {
  const file = allowedPath(guest, fileAt, 'FOLLOW');
  if (typeof file === 'number') return file;
  const directory = allowedPath(guest, directoryAt, 'FOLLOW');
  if (typeof directory === 'number') return directory;
  const { view } = guest.process, place = lookUp(view, file), group = lookUp(view, directory);
  if (typeof place === 'number') return place;
  if (typeof group === 'number') return group;
  if (!(group.node instanceof Directory)) return -ENOTDIR;
  if (!group.node.entries.has('cgroup.events')) return -ENOENT;
  const notifier: FileDescription = followGroup(place.node, group.node);
  return guest.handles.add(notifier);
}

export const containerCalls: CallTable = {
  unshareMounts: [0, unshareMounts],
  bindRootAndEnter: [1, onPlace('ROOT', bindRootAndEnter)],
  pivot: [1, onPlace('PIVOT', pivot)],
  unmount: [1, onPlace('UNMOUNT', (guest, place) => (guest.process.uid !== 0 ? -EPERM : guest.process.view.mounts.unmount(place)))],
  makeDirectory: [2, makeDirectory],
  removeDirectory: [1, removeDirectory],
  enterDirectory: [1, onPath('ENTER', (guest, path) => enterDirectory(guest.process, path))],
  loopbackUp: [0, () => 0],
  openPty: [1, openPty],
  setRawMode: [1, onPty(setRawMode)],
  restoreTermios: [1, restoreTermios],
  copyWindowSize: [2, copyWindowSize],
  windowSize: [2, windowSize],
  setWindowSize: [3, onPty(setWindowSize)],
  eventfd: [0, (guest) => guest.handles.add(new Counter())],
  cgroupNotify: [3, cgroupNotify],
  watchMemoryEvents: [2, watchMemoryEvents],
};
