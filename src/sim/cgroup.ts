/**
 * Memory cgroups: their files, and who is told of their events. cgroup-v1/memory.rst, cgroup-v2.rst; an eventfd and
 * inotify are here too, which the two versions tell by.
 */
import { Description, WOULD_BLOCK } from './description.js';
import { EBADF, EINVAL, ENODEV } from './errno.js';
import { Directory, SpecialFile } from './files.js';
import { HANGUP, Kind, READ, WRITE } from '../vocabulary.js';

const encoder = new TextEncoder();

/** eventfd(2) */
export class Counter extends Description {
  get kind(): Kind { return Kind.OTHER; }
  private count = 0n;

  constructor() {
    super(true, true);
    this.nonblocking = true;
  }

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

/** inotify, told by whoever is watched. */
export class Notifier extends Description {
  get kind(): Kind { return Kind.OTHER; }
  private readonly events: number[] = [];

  constructor(private readonly ended: (notifier: Notifier) => void) {
    super(true, false);
    this.nonblocking = true;
  }

  /** Events that are the same as the last one that waits are told once. */
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

/** A file of a cgroup's: its text is made when it is read; gone with its group. */
class OpenControl extends Description {
  get kind(): Kind { return Kind.FILE; }
  private position = 0;

  constructor(readonly group: MemoryCgroup, readonly name: string, writes: boolean) { super(!writes, writes); }

  // kernfs has a poll of its own: epoll takes it, and finds it ready.
  poll(): number { return READ | WRITE | (this.group.removed ? HANGUP : 0); }

  protected override take(into: Uint8Array): number {
    if (this.group.removed) return -ENODEV;
    const text = encoder.encode(this.group.textOf(this.name)).subarray(this.position, this.position + into.length);
    into.set(text);
    this.position += text.length;
    return text.length;
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
      this.directory.put(file, new SpecialFile(Kind.FILE, 0o644, (replace) => new OpenControl(this, file, replace)));
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

  /** Memory ran out, and so many processes were killed for it. */
  outOfMemory(kills = 1): void {
    this.kills += kills;
    for (const counter of this.counters) counter.add(1n);
    for (const notifier of this.notifiers) notifier.tell(IN_MODIFY);
  }

  /** The files go first; then whoever waits for version 1's events is told once more, and those who watch version 2's parent. */
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
  static notify(counter: Description, control: Description, eventControl: Description): number {
    if (!eventControl.canWrite) return -EBADF;
    if (!(eventControl instanceof OpenControl) || eventControl.name !== 'cgroup.event_control') return -EINVAL;
    if (!(counter instanceof Counter) || !(control instanceof OpenControl) || control.name !== 'memory.oom_control') return -EINVAL;
    if (control.group.removed) return -ENODEV;
    // The group holds the eventfd until it is removed, or the eventfd's last descriptor is closed.
    control.group.counters.push(counter.hold() as Counter);
    return 1;
  }

  follow(): Notifier {
    const notifier: Notifier = new Notifier((ended) => this.notifiers.splice(this.notifiers.indexOf(ended), 1));
    this.notifiers.push(notifier);
    return notifier;
  }
}

/** Whether a directory's file may be followed: any regular one may, and stays silent but in a group of version 2. */
export function follow(file: unknown, directory: Directory): Notifier {
  const group = MemoryCgroup.of(directory);
  if (group && file instanceof SpecialFile) return group.follow();
  return new Notifier(() => undefined);
}
