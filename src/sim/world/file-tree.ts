/** The host's files, as a test sets them up: paths are absolute, missing directories are created. */
import { FileType } from '../../boundary/constants.js';
import type { ProgramName } from '../../boundary/programs.js';
import { Directory, type Node, RegularFile, SpecialFile } from '../kernel/files.js';
import { lookUp, lookUpParent, type View } from '../kernel/mounts/mounts.js';
import { NullDevice } from '../kernel/open-file.js';
import { SocketFile } from '../kernel/socket.js';
import { Pty, PtyMaster } from '../kernel/tty/pty.js';

export class FileTree {
  constructor(private readonly root: Directory, private readonly view: View) {}

  directory(path: string): Directory {
    let at = this.root;
    for (const name of path.split('/').filter((part) => part !== '')) {
      const there = at.entries.get(name);
      if (there && !(there instanceof Directory)) throw new Error(`${path}: ${name} is not a directory`);
      const next = there ?? new Directory();
      if (!there) at.put(name, next);
      at = next;
    }
    return at;
  }

  put(path: string, node: Node): void {
    const slash = path.lastIndexOf('/');
    this.directory(path.slice(0, slash)).put(path.slice(slash + 1), node);
  }

  write(path: string, content: string | Uint8Array, mode = 0o644): void { this.put(path, RegularFile.of(content, mode)); }
  script(path: string, text: string): void { this.write(path, `#!/bin/script\n${text}\n`, 0o755); }

  program(path: string, name: ProgramName): void {
    const file = new RegularFile(0o755);
    file.program = name;
    this.put(path, file);
  }

  /** The interpreter of scripts. */
  interpreter(path: string): void {
    const file = new RegularFile(0o755);
    file.interprets = true;
    this.put(path, file);
  }

  /** `path`/null and `path`/ptmx */
  devices(path: string): void {
    this.put(`${path}/null`, new SpecialFile(FileType.OTHER, 0o666, () => new NullDevice(true, true)));
    this.put(`${path}/ptmx`, new SpecialFile(FileType.OTHER, 0o666, () => new PtyMaster(new Pty())));
  }

  private at(path: string): Node | undefined {
    const place = lookUp(this.view, path);
    return typeof place === 'number' ? undefined : place.node;
  }

  exists(path: string): boolean { return this.at(path) !== undefined; }
  list(path: string): string[] {
    const node = this.at(path);
    return node instanceof Directory ? [...node.entries.keys()] : [];
  }

  read(path: string): Uint8Array {
    const node = this.at(path);
    if (!(node instanceof RegularFile)) throw new Error(`${path} is not a regular file`);
    return node.bytes;
  }

  /** Takes the sticky bit from a socket's file. */
  unmark(path: string): void {
    const node = this.at(path);
    if (node instanceof SocketFile) node.listener.isMarked = false;
  }

  remove(path: string): void {
    const parent = lookUpParent(this.view, path);
    if (typeof parent !== 'number') parent.directory.node.take(parent.name);
  }
}
