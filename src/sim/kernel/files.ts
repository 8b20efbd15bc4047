/** Files and directories: inode(7). mounts.ts decides which of them a process sees. */
import { EISDIR, ELOOP, ENXIO } from './errno.js';
import { FileDescription } from './open-file.js';
import { Pipe, PipeEnd } from './pipe.js';
import { FileType, OPEN_APPEND, OPEN_BOTH, OPEN_READ, OPEN_REPLACE, READ, WRITE } from '../../boundary/constants.js';
import type { ProgramName } from '../../boundary/programs.js';

const encoder = new TextEncoder(), decoder = new TextDecoder();

let lastNumber = 0;

export abstract class Node {
  parent: Directory | undefined;
  uid = 0;
  gid = 0;
  /** What statx(2) calls the inode. */
  readonly number = ++lastNumber;
  abstract readonly kind: FileType;

  constructor(public mode: number) {}

  /** Opens in one of the ways that `OPEN_` names; a negated errno on failure. */
  abstract open(how: number): FileDescription | number;
  /** Called when the file's name has been removed. */
  removed(): void {}
}

export class Directory extends Node {
  readonly kind = FileType.DIRECTORY;
  readonly entries = new Map<string, Node>();

  constructor(mode = 0o755) { super(mode); }

  open(): FileDescription { return new OpenDirectory(this); }

  put(name: string, node: Node): void {
    this.entries.get(name)?.removed();
    this.entries.set(name, node);
    node.parent = this;
  }

  take(name: string): void {
    const node = this.entries.get(name);
    this.entries.delete(name);
    node?.removed();
  }
}

class OpenDirectory extends FileDescription {
  get kind(): FileType { return FileType.DIRECTORY; }
  constructor(private readonly directory: Directory) { super(true, false, true); }
  override get mode(): number { return this.directory.mode; }
  poll(): number { return READ | WRITE; }
  protected override take(): number { return -EISDIR; }
}

export class RegularFile extends Node {
  readonly kind = FileType.FILE;
  bytes: Uint8Array = new Uint8Array(0);
  /** The program that stands in this file, instead of a native program's bytes. */
  program: ProgramName | undefined;
  /** The file is the interpreter of scripts. */
  interprets = false;

  constructor(mode = 0o644) { super(mode); }

  static of(content: string | Uint8Array, mode?: number): RegularFile {
    const file = new RegularFile(mode);
    file.bytes = typeof content === 'string' ? encoder.encode(content) : content;
    return file;
  }

  get text(): string { return decoder.decode(this.bytes); }

  open(how: number): FileDescription {
    if (how === OPEN_REPLACE) this.bytes = new Uint8Array(0);
    return new OpenFile(this, how);
  }
}

/** An open regular file, with its offset. */
export class OpenFile extends FileDescription {
  get kind(): FileType { return FileType.FILE; }
  private position = 0;

  constructor(private readonly file: RegularFile, private readonly how: number) {
    super(how === OPEN_READ || how === OPEN_BOTH, how !== OPEN_READ, true);
  }

  override get node(): Node { return this.file; }
  /** pread(2) */
  readAt(into: Uint8Array, offset: number): number {
    const count = Math.max(0, Math.min(into.length, this.file.bytes.length - offset));
    into.set(this.file.bytes.subarray(offset, offset + count));
    return count;
  }

  override get mode(): number { return this.file.mode; }
  override set mode(bits: number) { this.file.mode = bits; }
  poll(): number { return READ | WRITE; }
  override pending(): number { return this.file.bytes.length - this.position; }

  protected override take(into: Uint8Array): number {
    const count = this.readAt(into, this.position);
    this.position += count;
    return count;
  }

  protected override give(from: Uint8Array): number {
    if (this.how === OPEN_APPEND) this.position = this.file.bytes.length;
    const end = this.position + from.length;
    if (end > this.file.bytes.length) {
      // Double the room: a file that grows byte by byte must not be copied at each byte.
      const grown = new Uint8Array(end > this.file.bytes.buffer.byteLength ? Math.max(end * 2, 4096) : this.file.bytes.buffer.byteLength);
      grown.set(this.file.bytes);
      this.file.bytes = grown.subarray(0, end);
    }
    this.file.bytes.set(from, this.position);
    this.position = end;
    return from.length;
  }
}

/** A file in memory that nobody can change any more. memfd_create(2), F_ADD_SEALS */
export class SealedFile extends OpenFile {
  constructor(readonly bytes: Uint8Array) { super(RegularFile.of(bytes, 0o600), OPEN_READ); }
}

/** A device, or a control file of a cgroup: each open calls `make`, with an `OPEN_`. */
export class SpecialFile extends Node {
  device: { major: number; minor: number } | undefined;
  constructor(readonly kind: FileType, mode: number, private readonly make: (how: number) => FileDescription | number) { super(mode); }
  open(how: number): FileDescription | number { return this.make(how); }
}

/** fifo(7): all who open it share one pipe. */
export class Fifo extends Node {
  readonly kind = FileType.PIPE;
  private pipe = new Pipe();

  open(how: number): FileDescription | number {
    // Bytes that nobody has read go with the last who had it open.
    if (this.pipe.readers === 0 && this.pipe.writers === 0) this.pipe = new Pipe();
    if (how === OPEN_BOTH) return new OpenFifo(new PipeEnd(this.pipe, true), new PipeEnd(this.pipe, false));
    if (how === OPEN_READ) return new PipeEnd(this.pipe, true, true);
    // Without a reader: opened so as not to wait for one.
    return this.pipe.readers > 0 ? new PipeEnd(this.pipe, false) : -ENXIO;
  }
}

/** A FIFO that is open for reading and writing: it is never at its end. */
class OpenFifo extends FileDescription {
  get kind(): FileType { return FileType.PIPE; }

  constructor(private readonly readEnd: PipeEnd, private readonly writeEnd: PipeEnd) {
    super(true, true);
    readEnd.hold();
    writeEnd.hold();
  }

  poll(): number { return (this.readEnd.poll() & READ) | (this.writeEnd.poll() & WRITE); }
  override pending(): number { return this.readEnd.pending(); }
  protected override take(into: Uint8Array): number { return this.readEnd.read(into); }
  protected override give(from: Uint8Array): number { return this.writeEnd.write(from); }

  protected override released(): void {
    this.readEnd.drop();
    this.writeEnd.drop();
  }
}

/** A link that nothing follows. */
export class SymbolicLink extends Node {
  readonly kind = FileType.OTHER;
  constructor(readonly target: string) { super(0o777); }
  open(): number { return -ELOOP; }
}
