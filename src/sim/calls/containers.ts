/** The boundary's calls that make a container, and those on terminals and cgroups: shim/sys/container.c, terminal.c, cgroup.c. */
import { Counter, follow as followGroup, MemoryCgroup } from '../cgroup.js';
import type { Description } from '../description.js';
import { EBADF, ENOENT, ENOTDIR, ENOTTY, EPERM } from '../errno.js';
import { Directory } from '../files.js';
import type { Guest } from '../guest.js';
import { type DirectoryPlace, lookUp, type Place } from '../mounts.js';
import type { Use } from '../policy.js';
import { Pty, PtyMaster, ptyOf, PtySlave } from '../pty.js';
import { copyView, enterDirectory } from '../spawn.js';
import { addPair } from './descriptors.js';
import { allowedPath, makeDirectory, removeDirectory } from './files.js';
import type { CallTable } from './index.js';

/** A call on a path. */
function onPath(use: Use, what: (guest: Guest, path: string) => number): (guest: Guest, at: number) => number {
  return (guest, at) => {
    const path = allowedPath(guest, at, use);
    return typeof path === 'number' ? path : what(guest, path);
  };
}

function onPlace(use: Use, what: (guest: Guest, place: Place) => number): (guest: Guest, at: number) => number {
  return onPath(use, (guest, path) => {
    const place = lookUp(guest.process.view, path);
    return typeof place === 'number' ? place : what(guest, place);
  });
}

function isolateMounts(guest: Guest): number {
  if (guest.process.uid !== 0) return -EPERM;
  guest.process.view = copyView(guest.process);
  return 0;
}

function enterRoot(guest: Guest, place: Place): number {
  const { process } = guest;
  if (process.uid !== 0) return -EPERM;
  if (!(place.node instanceof Directory)) return -ENOTDIR;
  process.view.directory = process.view.mounts.bind(place as DirectoryPlace);
  return 0;
}

function pivot(guest: Guest, oldRoot: Place): number {
  const { process } = guest, { view } = process;
  if (process.uid !== 0) return -EPERM;
  const newRoot = view.directory, result = view.mounts.pivot(view.root, newRoot, oldRoot);
  if (result < 0) return result;
  view.root = view.directory = newRoot;
  return 0;
}

function openPty(guest: Guest, handlesAt: number): number {
  const place = lookUp(guest.process.view, '/dev/ptmx');
  if (typeof place === 'number') return place;
  const master = place.node.open(false);
  if (typeof master === 'number') return master;
  if (!(master instanceof PtyMaster)) {
    // Let go of what was opened: it is no terminal.
    master.hold().drop();
    return -ENOTTY;
  }
  return addPair(guest, handlesAt, master, new PtySlave(master.pty));
}

/** A call on a terminal. */
function onPty(what: (guest: Guest, pty: Pty) => number): (guest: Guest, handle: number) => number {
  return (guest, handle) => {
    const description = guest.handles.description(handle), pty = description && ptyOf(description);
    return pty ? what(guest, pty) : description ? -ENOTTY : -EBADF;
  };
}

function raw(guest: Guest, pty: Pty): number {
  guest.settings ??= { ...pty.settings };
  pty.set({ cooked: false });
  return 0;
}

function cooked(guest: Guest, handle: number): number {
  const description = guest.handles.description(handle);
  if (!description) return -EBADF;
  if (!guest.settings) return 0;
  const pty = ptyOf(description);
  pty?.set({ ...guest.settings });
  return pty ? 0 : -ENOTTY;
}

function windowSize(guest: Guest, from: number, to: number): number {
  const source = guest.handles.description(from), target = guest.handles.description(to);
  if (!source || !target) return -EBADF;
  const shown = ptyOf(source), changed = ptyOf(target);
  if (!shown || !changed) return -ENOTTY;
  changed.resize(shown.size);
  return 0;
}

function setWindowSize(guest: Guest, handle: number, rows: number, columns: number): number {
  const description = guest.handles.description(handle), pty = description && ptyOf(description);
  if (!pty) return description ? -ENOTTY : -EBADF;
  pty.resize({ rows: rows & 0xffff, columns: columns & 0xffff });
  return 0;
}

function cgroupNotify(guest: Guest, counter: number, control: number, eventControl: number): number {
  const [event, file, target] = [counter, control, eventControl].map((handle) => guest.handles.get(handle));
  if (!event || !file || !target) return -EBADF;
  const result = MemoryCgroup.notify(event.description, file.description, target.description);
  // The line that is written names both descriptors.
  return result < 0 ? result : `${event.fd} ${file.fd}`.length;
}

function follow(guest: Guest, fileAt: number, directoryAt: number): number {
  const file = allowedPath(guest, fileAt, 'FOLLOW');
  if (typeof file === 'number') return file;
  const directory = allowedPath(guest, directoryAt, 'FOLLOW');
  if (typeof directory === 'number') return directory;
  const { view } = guest.process, place = lookUp(view, file), group = lookUp(view, directory);
  if (typeof place === 'number') return place;
  if (typeof group === 'number') return group;
  if (!(group.node instanceof Directory)) return -ENOTDIR;
  if (!group.node.entries.has('cgroup.events')) return -ENOENT;
  const notifier: Description = followGroup(place.node, group.node);
  return guest.handles.add(notifier);
}

export const containerCalls: CallTable = {
  isolateMounts: [0, isolateMounts],
  enterRoot: [1, onPlace('ROOT', enterRoot)],
  pivot: [1, onPlace('PIVOT', pivot)],
  unmount: [1, onPlace('UNMOUNT', (guest, place) => (guest.process.uid !== 0 ? -EPERM : guest.process.view.mounts.unmount(place)))],
  makeDirectory: [2, makeDirectory],
  removeDirectory: [1, removeDirectory],
  enterDirectory: [1, onPath('ENTER', (guest, path) => enterDirectory(guest.process, path))],
  loopbackUp: [0, () => 0],
  openPty: [1, openPty],
  raw: [1, onPty(raw)],
  cooked: [1, cooked],
  windowSize: [2, windowSize],
  setWindowSize: [3, setWindowSize],
  counter: [0, (guest) => guest.handles.add(new Counter())],
  cgroupNotify: [3, cgroupNotify],
  follow: [2, follow],
};
