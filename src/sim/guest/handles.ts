/** A table from a module's handles to its process's descriptors: shim/sys/handles.c. Slot 0 is never used. */
import type { DescriptorTable } from '../kernel/fd-table.js';
import type { FileDescription } from '../kernel/open-file.js';
import { EBADF, EMFILE } from '../kernel/errno.js';
import { HANDLES_MAX } from '../../boundary/constants.js';

class Handle {
  /** The events that the module waits for. */
  wanted = 0;
  /** Never ready, whatever its description reports: a fault. */
  muted = false;
  /** A socket shared with other processes: calls on it do not block, and its O_NONBLOCK stays unchanged. */
  shared = false;
  /** An end of a pipe that the module itself has made: only such a pipe can be tagged. */
  made = false;

  /** `generation` differs from that of an earlier handle with the same number, whose events may still be queued. */
  constructor(readonly fd: number, readonly description: FileDescription, readonly generation: number) {}
}

export class HandleTable {
  private readonly slots: (Handle | undefined)[] = [undefined];
  private generation = 0;
  /** Number of handles in use. */
  count = 0;
  /** Handles with an interest; their order has no meaning. */
  readonly watched = new Map<number, Handle>();

  constructor(private readonly descriptors: () => DescriptorTable) {}

  get(handle: number): Handle | undefined { return this.slots[handle]; }
  description(handle: number): FileDescription | undefined { return this.slots[handle]?.description; }

  /** Adds a description to the process: a handle, or -EMFILE. */
  add(description: FileDescription | number, lowest = 0): number {
    if (typeof description === 'number') return description;
    const fd = this.descriptors().add(description, lowest);
    return fd < 0 ? fd : this.forDescriptor(fd);
  }

  /** A handle for a descriptor that the process has; the descriptor is closed when no handle is free. */
  forDescriptor(fd: number): number {
    let slot = 1;
    while (this.slots[slot]) slot++;
    if (slot >= HANDLES_MAX) {
      this.descriptors().close(fd);
      return -EMFILE;
    }
    this.slots[slot] = new Handle(fd, this.descriptors().get(fd)!, ++this.generation);
    this.count++;
    return slot;
  }

  close(handle: number): number {
    const slot = this.slots[handle];
    if (!slot) return -EBADF;
    this.watched.delete(handle);
    this.slots[handle] = undefined;
    this.count--;
    return this.descriptors().close(slot.fd);
  }

  /** Copies the handles to a child's table. fork(2) */
  copyTo(child: HandleTable): void {
    this.slots.forEach((slot, handle) => {
      if (!slot) return;
      const copy = new Handle(slot.fd, slot.description, ++child.generation);
      copy.shared = slot.shared;
      copy.made = slot.made;
      child.slots[handle] = copy;
      child.count++;
    });
  }

  mute(handle: number): void {
    const slot = this.slots[handle];
    if (slot) slot.muted = true;
  }

  unmute(): void { for (const slot of this) slot.muted = false; }

  watch(handle: number, events: number): number {
    const slot = this.slots[handle];
    if (!slot) return -EBADF;
    slot.wanted = events;
    if (events === 0) this.watched.delete(handle);
    else this.watched.set(handle, slot);
    return 0;
  }

  *[Symbol.iterator](): IterableIterator<Handle> {
    for (const slot of this.slots) if (slot) yield slot;
  }

}
