/** A process's table of descriptors: numbers, what they refer to, and which of them end with an execution. */
import type { FileDescription } from './open-file.js';
import { EBADF, EMFILE } from './errno.js';

export class DescriptorTable {
  private readonly entries: (FileDescription | undefined)[] = [];
  private readonly closeOnExec: boolean[] = [];

  /** RLIMIT_NOFILE, soft. */
  constructor(public limit: number) {}

  /** True if one more descriptor may be opened. */
  get hasRoom(): boolean {
    const free = this.entries.indexOf(undefined);
    return (free < 0 ? this.entries.length : free) < this.limit;
  }

  get(fd: number): FileDescription | undefined { return this.entries[fd]; }

  /** The lowest free number from `lowest` on. On -EMFILE the description is dropped if nothing else refers to it. */
  add(description: FileDescription, lowest = 0, closeOnExec = true): number {
    description.hold();
    let fd = lowest;
    while (this.entries[fd]) fd++;
    if (fd >= this.limit) {
      description.drop();
      return -EMFILE;
    }
    this.set(fd, description, closeOnExec);
    return fd;
  }

  private set(fd: number, description: FileDescription, closeOnExec: boolean): void {
    while (this.entries.length < fd) this.entries.push(undefined);
    this.entries[fd] = description;
    this.closeOnExec[fd] = closeOnExec;
  }

  /** dup3(2): closes the descriptor that has the number; the copy stays open when the process executes. */
  place(fd: number, description: FileDescription): void {
    description.hold();
    this.entries[fd]?.drop();
    this.set(fd, description, false);
  }

  close(fd: number): number {
    const description = this.entries[fd];
    if (!description) return -EBADF;
    this.entries[fd] = undefined;
    description.drop();
    return 0;
  }

  /** fork(2): the same descriptions under the same numbers. */
  copy(): DescriptorTable {
    const copy = new DescriptorTable(this.limit);
    for (let fd = 0; fd < this.entries.length; fd++) {
      const description = this.entries[fd];
      if (description) copy.set(fd, description.hold(), this.closeOnExec[fd] === true);
    }
    return copy;
  }

  /** execve(2); from `first` on every descriptor ends, as after close_range(2). */
  execute(first: number): void {
    for (let fd = 0; fd < this.entries.length; fd++) if (fd >= first || this.closeOnExec[fd]) this.close(fd);
  }

  closeAll(): void {
    for (let fd = 0; fd < this.entries.length; fd++) this.close(fd);
    this.entries.length = 0;
  }

  *[Symbol.iterator](): IterableIterator<[fd: number, description: FileDescription]> {
    for (const [fd, description] of this.entries.entries()) if (description) yield [fd, description];
  }

  get count(): number { return this.entries.reduce((sum, entry) => sum + (entry ? 1 : 0), 0); }
}
