/** Descriptors that refer to places in the file system: directories, anything opened with O_PATH, and detached mounts. */
import { FileDescription } from '../open-file.js';
import { EINVAL } from '../errno.js';
import { Directory } from '../files.js';
import type { Mount, Place } from './mounts.js';
import { FileType, READ, WRITE } from '../../../boundary/constants.js';

/** The fixed part of `struct linux_dirent64`, before the name. getdents64(2) */
const ENTRY_HEAD_BYTES = 19;

export class OpenPlace extends FileDescription {
  get kind(): FileType { return this.place.node.kind; }
  private read_ = 0;

  constructor(readonly place: Place) { super(false, false, true); }

  override get mode(): number { return this.place.node.mode; }
  poll(): number { return READ | WRITE; }

  /** The next entries; returns the number of bytes, 0 at the end. */
  readEntries(out: Uint8Array): number {
    const names = this.place.node instanceof Directory ? ['.', '..', ...this.place.node.entries.keys()] : [];
    let used = 0;
    for (; this.read_ < names.length; this.read_++) {
      const name = new TextEncoder().encode(names[this.read_]), size = (ENTRY_HEAD_BYTES + name.length + 8) & ~7;
      if (used + size > out.length) return used === 0 ? -EINVAL : used;
      out.fill(0, used, used + size);
      new DataView(out.buffer, out.byteOffset).setUint16(used + 16, size, true);
      out.set(name, used + ENTRY_HEAD_BYTES);
      used += size;
    }
    return used;
  }
}

/** fsopen(2): a file system that is being configured. */
export class FileSystemContext extends FileDescription {
  get kind(): FileType { return FileType.OTHER; }
  made = false;
  readonly parameters = new Map<string, string>();

  constructor(readonly type: string) { super(false, false, true); }
  poll(): number { return READ | WRITE; }
}

/** fsmount(2), open_tree(2): a mount and those below it, which can be attached once. */
export class OpenMount extends OpenPlace {
  attached = false;
  constructor(readonly mount: Mount, readonly below: readonly Mount[]) { super({ mount, node: mount.root }); }
}

/** The place that a description refers to, if it refers to one. */
export function placeOf(description: FileDescription): Place | undefined {
  return description instanceof OpenPlace ? description.place : undefined;
}
