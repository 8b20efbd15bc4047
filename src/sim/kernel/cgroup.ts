/**
 * Memory cgroups: their files and their events, with eventfd and inotify, by which the two versions report events.
 * cgroup-v1/memory.rst, cgroup-v2.rst
 */
import { FileDescription, WOULD_BLOCK } from './open-file.js';
import { EBADF, EINVAL, ENODEV } from './errno.js';
import { Directory, SpecialFile } from './files.js';
import { FileType, HANGUP, OPEN_BOTH, OPEN_READ, READ, WRITE } from '../../boundary/constants.js';

const encoder = new TextEncoder();

/** eventfd(2) */
export class Counter extends FileDescription {
  get kind(): FileType { return FileType.OTHER; }
  private count = 0n;

  constructor() {
    super(true, true);
    this.nonblocking = true;
  }

  override get takesSplices(): boolean { return false; }
  get value(): bigint { return this.count; }
  add(value: bigint): void { this.count += value; }
  poll(): number { return (this.count > 0n ? READ : 0) | WRITE; }

  protected override take(into: Uint8Array): number {
    if (into.length < 8) return -EINVAL;
    if (this.count === 0n) return WOULD_BLOCK;
    new DataView(into.buffer, into.byteOffset, 8).setBigUint64(0, this.count, true);
    this.count = 0n;
    return 8;
  }

  protected override give(from: Uint8Array): number {
    if (from.length < 8) return -EINVAL;
    this.add(new DataView(from.buffer, from.byteOffset, 8).getBigUint64(0, true));
    return 8;
  }
}

/** struct inotify_event without a name. inotify(7) */
const EVENT_BYTES = 16;
const IN_MODIFY = 2, IN_DELETE = 0x200;

/** An inotify instance that watches one file of a group. */
class Notifier extends FileDescription {
  get kind(): FileType { return FileType.OTHER; }
  private readonly events: number[] = [];

  constructor(private readonly ended: (notifier: Notifier) => void) {
    super(true, false);
    this.nonblocking = true;
  }

  /** An event equal to the last unread one is reported once. */
  tell(event: number): void { if (this.events.at(-1) !== event) this.events.push(event); }
  poll(): number { return this.events.length > 0 ? READ : 0; }
  override pending(): number { return this.events.length * EVENT_BYTES; }

  protected override take(into: Uint8Array): number {
    if (this.events.length === 0) return WOULD_BLOCK;
    if (into.length < EVENT_BYTES) return -EINVAL;
    const count = Math.min(this.events.length, Math.floor(into.length / EVENT_BYTES));
    const view = new DataView(into.buffer, into.byteOffset);
    for (const [index, event] of this.events.splice(0, count).entries()) {
      for (const [field, value] of [1, event, 0, 0].entries()) view.setUint32(index * EVENT_BYTES + field * 4, value, true);
    }
    return count * EVENT_BYTES;
  }

  protected override released(): void { this.ended(this); }
}

/** A file of a cgroup's: its text is made by the first read, however much of it that takes; gone with its group. seq_read(), fs/seq_file.c */
class OpenControl extends FileDescription {
  get kind(): FileType { return FileType.FILE; }
  /** What is left of the text; undefined before it was made. */
  private text: Uint8Array | undefined;
  /** The group's number of changes when the text was made. */
  private shown = -1;

  constructor(readonly group: MemoryCgroup, readonly name: string, how: number) {
    super(how === OPEN_READ || how === OPEN_BOTH, how !== OPEN_READ);
  }

  // kernfs has a poll of its own: ready, and an error until what the file says now has been read. kernfs_generic_poll(), fs/kernfs/file.c
  poll(): number { return READ | WRITE | (this.group.removed || this.shown !== this.group.changesOf(this.name) ? HANGUP : 0); }

  protected override take(into: Uint8Array): number {
    if (into.length === 0) return 0;
    if (this.group.removed && !this.text?.length) return -ENODEV;
    if (!this.text) {
      this.shown = this.group.changesOf(this.name);
      this.text = encoder.encode(this.group.textOf(this.name));
    }
    const part = this.text.subarray(0, into.length);
    into.set(part);
    this.text = this.text.subarray(part.length);
    return part.length;
  }

  protected override give(from: Uint8Array): number { return this.group.removed ? -ENODEV : from.length; }
}

class GroupDirectory extends Directory {
  constructor(readonly group: MemoryCgroup) { super(); }
}

export class MemoryCgroup {
  readonly directory = new GroupDirectory(this);
  removed = false;
  private kills = 0;
  private readonly counters: Counter[] = [];
  private readonly notifiers: Notifier[] = [];

  constructor(readonly version: 1 | 2, private readonly parent: Directory, private readonly name: string) {
    const files = version === 1 ? ['memory.oom_control', 'cgroup.event_control'] : ['memory.events', 'cgroup.events'];
    for (const file of files) {
      this.directory.put(file, new SpecialFile(FileType.FILE, 0o644, (how) => new OpenControl(this, file, how)));
    }
    parent.put(name, this.directory);
  }

  /** The group of a directory. */
  static of(directory: Directory): MemoryCgroup | undefined { return directory instanceof GroupDirectory ? directory.group : undefined; }

  textOf(file: string): string {
    if (file === 'memory.oom_control') return `oom_kill_disable 0\nunder_oom 0\noom_kill ${this.kills}\n`;
    if (file === 'memory.events') return `low 0\nhigh 0\nmax ${this.kills}\noom ${this.kills}\noom_kill ${this.kills}\noom_group_kill 0\n`;
    return file === 'cgroup.events' ? 'populated 1\nfrozen 0\n' : '';
  }

  /** How often those who poll the file were told: never of version 1's. cgroup_file_notify(), kernel/cgroup/cgroup.c */
  changesOf(file: string): number { return file === 'memory.events' ? this.kills : 0; }

  /** Memory ran out, and so many processes were killed for it. */
  outOfMemory(kills = 1): void {
    this.kills += kills;
    for (const counter of this.counters) counter.add(1n);
    for (const notifier of this.notifiers) notifier.tell(IN_MODIFY);
  }

  /** The files go first. Then each eventfd of version 1 is written once more, and inotify watchers of version 2's parent get an event. */
  remove(): void {
    if (this.removed) return;
    this.removed = true;
    this.parent.take(this.name);
    for (const file of [...this.directory.entries.keys()]) this.directory.take(file);
    for (const counter of this.counters.splice(0)) {
      counter.add(1n);
      counter.drop();
    }
    for (const notifier of this.notifiers) notifier.tell(IN_DELETE);
  }

  /** cgroup.event_control's "EVENTFD FD". */
  static notify(counter: FileDescription, control: FileDescription, eventControl: FileDescription): number {
    if (!eventControl.canWrite) return -EBADF;
    if (!(eventControl instanceof OpenControl) || eventControl.name !== 'cgroup.event_control') return -EINVAL;
    if (eventControl.group.removed) return -ENODEV;
    if (!(counter instanceof Counter) || !(control instanceof OpenControl) || control.name !== 'memory.oom_control') return -EINVAL;
    if (control.group !== eventControl.group) return -EINVAL;
    // The group holds the eventfd until it is removed, or the eventfd's last descriptor is closed.
    control.group.counters.push(counter.hold());
    return 1;
  }

  follow(): Notifier {
    const notifier: Notifier = new Notifier((ended) => this.notifiers.splice(this.notifiers.indexOf(ended), 1));
    this.notifiers.push(notifier);
    return notifier;
  }
}

/** Watches a file: inotify accepts any regular file, and reports events only for those of a version 2 group. */
export function follow(file: unknown, directory: Directory): Notifier {
  const group = MemoryCgroup.of(directory);
  if (group && file instanceof SpecialFile) return group.follow();
  return new Notifier(() => undefined);
}
