/** Between a module's handles and its process's descriptors: shim/sys/handles.c. Slot 0 is never given out. */
import type { DescriptorTable } from './descriptors.js';
import type { Description } from './description.js';
import { EBADF, EMFILE } from './errno.js';
import { HANDLES_MAX } from '../vocabulary.js';

export class Handle {
  /** What the module waits for. */
  wanted = 0;
  /** Never ready, whatever its description says: a fault. */
  muted = false;
  /** A socket that others share is asked not to block call by call. */
  shared = false;
  /** An end of a pipe that the module itself has made: what it may leave a mark on. */
  made = false;

  /** `generation`: told apart from an earlier handle of the same number, whose events may still be on their way. */
  constructor(readonly fd: number, readonly description: Description, readonly generation: number) {}
}

export class HandleTable {
  private readonly slots: (Handle | undefined)[] = [undefined];
  private generation = 0;
  /** Handles that the module has. */
  count = 0;
  /** Handles with an interest, in no order that means anything. */
  readonly watched = new Map<number, Handle>();

  constructor(private readonly descriptors: () => DescriptorTable) {}

  get(handle: number): Handle | undefined { return this.slots[handle]; }
  description(handle: number): Description | undefined { return this.slots[handle]?.description; }

  /** Takes a description into the process: a handle, or -EMFILE. */
  add(description: Description | number, lowest = 0): number {
    if (typeof description === 'number') return description;
    const fd = this.descriptors().add(description, lowest);
    return fd < 0 ? fd : this.forDescriptor(fd);
  }

  /** A handle for a descriptor that the process has; the descriptor is closed when there is none left. */
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
