/** Files, directories, FIFOs and unix sockets by their paths, with modes and owners, for root and two users. test/replay/linux/sequences/file.c */
import { ECONNREFUSED } from '../../../src/sim/kernel/errno.js';
import { Directory } from '../../../src/sim/kernel/files.js';
import { type DirectoryPlace, MountNamespace } from '../../../src/sim/kernel/mounts/mounts.js';
import * as paths from '../../../src/sim/kernel/mounts/paths.js';
import { Listener } from '../../../src/sim/kernel/socket.js';
import { FileType } from '../../../src/boundary/constants.js';
import { chosen, type Kind, often, type Operation, type Played, type Step, type Subject } from './sequence.js';
import { Slots } from './slots.js';

/** file.c has the same names, with `UP` among them. */
const NAMES = ['a', 'b', 'c', '..'], UP = 3;
/** Root twice: it makes what the users meet. */
const USERS = [0, 0, 1000, 1000, 1001];
const MODES = [0o755, 0o700, 0o711, 0o777, 0o770, 0o000, 0o644, 0o600, 0o444, 0o222, 0o111, 0o750, 0o076, 0o607];
const BACKLOG = 3;
/** S_IFMT of what a path names, by the type that the boundary has for it. */
const TYPES: Readonly<Partial<Record<FileType, number>>> = {
  [FileType.FILE]: 0o100000, [FileType.DIRECTORY]: 0o040000, [FileType.PIPE]: 0o010000, [FileType.SOCKET]: 0o140000,
};

interface Path { readonly text: string; readonly numbers: string }

class Files extends Slots implements Subject {
  private readonly view: paths.Caller['view'];
  private begun = false;
  private readonly operations: readonly Operation[];

  constructor() {
    super();
    const mounts = MountNamespace.of(new Directory(0o777));
    const top: DirectoryPlace = mounts.rootPlace;
    this.view = { mounts, root: top, directory: top };
    this.operations = [
      ...often(4, (a, b, c) => this.call(a, b, (who, path) => ({ line: `fmkdir ${mode(c)}`, result: paths.makeDirectory(who, path, mode(c)) }))),
      ...often(2, (a, b, c) => this.call(a, b, (who, path) => ({ line: `fmkfifo ${mode(c)}`, result: paths.makeFifo(who, path, mode(c)) }))),
      ...often(2, (a, b, c) => this.call(a, b, (who, path) => ({ line: `fchmod ${mode(c)}`, result: paths.changeMode(who, path, mode(c)) }))),
      ...often(2, (a, b) => this.call(a, b, (who, path) => ({ line: 'frmdir 0', result: paths.removeDirectory(who, path) }))),
      ...often(2, (a, b) => this.call(a, b, (who, path) => ({ line: 'funlink 0', result: paths.unlink(who, path) }))),
      ...often(2, (a, b) => this.call(a, b, (who, path) => ({ line: 'fstat 0', result: stat(who, path) }))),
      ...often(4, (a, b, c) => this.rename(a, b, c)), ...often(6, (a, b, c) => this.openPath(a, b, c)),
      ...often(2, (a, b) => this.bind(a, b)), ...often(2, (a, b) => this.connect(a, b)),
      ...often(2, (a, b) => this.read(a, b)), ...often(2, (a, b) => this.write(a, b)), (a) => this.close(a), (a) => this.poll(a),
    ];
  }

  play([operation, a, b, c]: Step): Played | undefined {
    if (this.begun) return chosen(this.operations, operation)!(a, b, c);
    this.begun = true;
    return { line: 'files', result: '0' };
  }

  private caller(a: number): paths.Caller {
    const uid = chosen(USERS, a)!;
    return { view: this.view, uid, gid: uid };
  }

  /** A call with a number, a user and a path. */
  private call(a: number, b: number, run: (who: paths.Caller, path: string) => { line: string; result: number | string }): Played {
    const who = this.caller(a), path = pathOf(b), { line, result } = run(who, path.text);
    return { line: `${line} ${who.uid} ${path.numbers}`, result: String(result) };
  }

  private rename(a: number, b: number, c: number): Played {
    const who = this.caller(a), from = pathOf(b), to = pathOf(c);
    const line = `frename ${who.uid} ${from.numbers.split(' ').length} ${from.numbers} ${to.numbers}`;
    return { line, result: String(paths.rename(who, from.text, to.text)) };
  }

  private openPath(a: number, b: number, c: number): Played | undefined {
    const who = this.caller(a), path = pathOf(b), how = c % 4, bits = mode(c >> 2);
    return this.made((slot) => `fopen ${slot} ${how} ${bits} ${who.uid} ${path.numbers}`, () => paths.open(who, path.text, how, bits));
  }

  private bind(a: number, b: number): Played | undefined {
    const who = this.caller(a), path = pathOf(b);
    return this.made((slot) => `fbind ${slot} ${BACKLOG} ${who.uid} ${path.numbers}`, () => {
      const listener = new Listener(BACKLOG, { pidIn: () => 1 }), bound = paths.bind(who, path.text, listener);
      return bound < 0 ? bound : listener;
    });
  }

  private connect(a: number, b: number): Played | undefined {
    const who = this.caller(a), path = pathOf(b);
    return this.made((slot) => `fconnect ${slot} ${who.uid} ${path.numbers}`, () => {
      const listener = paths.findListener(who, path.text);
      return typeof listener === 'number' ? listener : listener.connect({ pidIn: () => 1 }) ?? -ECONNREFUSED;
    });
  }
}

function mode(number: number): number { return chosen(MODES, number)!; }

/** Up to three names; ".." only between two others, so that the path stays below the directory where the sequence began. */
function pathOf(number: number): Path {
  const last = [0, 1, 2].at(number % 3)!, middle = chosen([0, 1, 2, UP], number >> 2)!, first = chosen([0, 1, 2], number >> 4)!;
  const all = [first, middle, last];
  const longer = number % 5 < 4 ? [first, last] : all, names = number % 5 < 2 ? all.slice(2) : longer;
  return { text: names.map((name) => NAMES[name]!).join('/'), numbers: names.join(' ') };
}

/** Type, mode and owner; or a negated errno. */
function stat(who: paths.Caller, path: string): string {
  const place = paths.find(who, path);
  if (typeof place === 'number') return `${place} 0 0`;
  const { node } = place;
  return `${TYPES[node.kind]} ${node.mode} ${node.uid}`;
}

export const files: Kind = { name: 'files', stepsMax: 60, fresh: 1500, patience: [], begin: () => new Files() };
