/** Files as they lie in directories: inode(7). Which of them a process sees is mounts.ts's business. */
import { Description } from './description.js';
import { ENXIO } from './errno.js';
import type { Listener } from './socket.js';
import { Kind, READ, WRITE } from '../vocabulary.js';

export type ProgramName = 'wshd' | 'wsh' | 'iomux-spawn' | 'iomux-link' | 'oom';

const encoder = new TextEncoder(), decoder = new TextDecoder();

export abstract class Node {
  parent: Directory | undefined;
  uid = 0;
  abstract readonly kind: Kind;

  constructor(public mode: number) {}

  /** Opened for reading, or, `replace`, emptied and opened for writing; a negated errno. */
  abstract open(replace: boolean): Description | number;
  /** Its name is gone. */
  removed(): void {}
}

export class Directory extends Node {
  readonly kind = Kind.DIRECTORY;
  readonly entries = new Map<string, Node>();

  constructor(mode = 0o755) { super(mode); }

  open(): Description { return new OpenDirectory(this); }

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

class OpenDirectory extends Description {
  get kind(): Kind { return Kind.DIRECTORY; }
  constructor(private readonly directory: Directory) { super(true, false, true); }
  override get mode(): number { return this.directory.mode; }
  poll(): number { return READ | WRITE; }
}

export class RegularFile extends Node {
  readonly kind = Kind.FILE;
  bytes: Uint8Array = new Uint8Array(0);
  /** A module, where the bytes of its native program would be. */
  program: ProgramName | undefined;
  /** Executes scripts. */
  interprets = false;

  constructor(mode = 0o644) { super(mode); }

  static of(content: string | Uint8Array, mode?: number): RegularFile {
    const file = new RegularFile(mode);
    file.bytes = typeof content === 'string' ? encoder.encode(content) : content;
    return file;
  }

  get text(): string { return decoder.decode(this.bytes); }

  open(replace: boolean): Description {
    if (replace) this.bytes = new Uint8Array(0);
    return new OpenFile(this, !replace, replace);
  }
}

/** An open regular file; its place in the file is the description's. */
export class OpenFile extends Description {
  get kind(): Kind { return Kind.FILE; }
  private position = 0;

  constructor(private readonly file: RegularFile, reads: boolean, writes: boolean) { super(reads, writes, true); }

  override get mode(): number { return this.file.mode; }
  override set mode(bits: number) { this.file.mode = bits; }
  poll(): number { return READ | WRITE; }
  override pending(): number { return this.file.bytes.length - this.position; }

  protected override take(into: Uint8Array): number {
    const count = Math.max(0, Math.min(into.length, this.file.bytes.length - this.position));
    into.set(this.file.bytes.subarray(this.position, this.position + count));
    this.position += count;
    return count;
  }

  protected override give(from: Uint8Array): number {
    const end = this.position + from.length;
    if (end > this.file.bytes.length) {
      // Room in advance: a file that grows byte by byte is not copied byte by byte.
      const grown = new Uint8Array(end > this.file.bytes.buffer.byteLength ? Math.max(end * 2, 4096) : this.file.bytes.buffer.byteLength);
      grown.set(this.file.bytes);
      this.file.bytes = grown.subarray(0, end);
    }
    this.file.bytes.set(from, this.position);
    this.position = end;
    return from.length;
  }
}

/** What bind(2) leaves in a directory; it stays when its listener is gone. */
export class SocketFile extends Node {
  readonly kind = Kind.SOCKET;
  constructor(readonly listener: Listener) { super(0o600); }
  open(): number { return -ENXIO; }
}

/** Devices, and files of cgroups: what opening gives is made each time. */
export class SpecialFile extends Node {
  constructor(readonly kind: Kind, mode: number, private readonly make: (replace: boolean) => Description | number) { super(mode); }
  open(replace: boolean): Description | number { return this.make(replace); }
}
