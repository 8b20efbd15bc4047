/** Open file descriptions: descriptors of one or several processes, and messages in flight, refer to them. open(2) */
import { EAGAIN, EBADF, EINVAL, ENOTTY } from './errno.js';
import { FileType, READ, WRITE } from '../../boundary/constants.js';

/** The result of a call that would block; the caller decides whether to wait. */
export const WOULD_BLOCK = -EAGAIN;

export abstract class FileDescription {
  /** Number of descriptors and messages in flight that refer to this description. */
  references = 0;
  nonblocking = false;
  abstract get kind(): FileType;

  /** `alwaysReady`: epoll(7) refuses the file, because it is ready all the time. */
  constructor(readonly canRead: boolean, readonly canWrite: boolean, readonly alwaysReady = false) {}

  hold(): this {
    this.references++;
    return this;
  }

  drop(): void {
    if (--this.references === 0) this.released();
  }

  /** At most as many bytes as fit; 0 at the end, `WOULD_BLOCK`, or a negated errno. */
  read(into: Uint8Array): number { return this.canRead ? this.take(into) : -EBADF; }
  /** The number of bytes written, `WOULD_BLOCK`, or a negated errno. */
  write(from: Uint8Array): number { return this.canWrite ? this.give(from) : -EBADF; }
  /** `READ`, `WRITE`, `HANGUP`, as epoll(7) reports them. */
  abstract poll(): number;
  /** Each read(2) returns one write(2)'s bytes: SOCK_SEQPACKET, socket(2). */
  get keepsMessages(): boolean { return false; }
  /** The file that is open; undefined for one without a name. */
  get node(): object | undefined { return undefined; }
  /** FIONREAD */
  pending(): number { return -ENOTTY; }
  /** Permission bits: fstat(2), fchmod(2). */
  get mode(): number { return 0o600; }
  set mode(_bits: number) { throw new Error('this file keeps no permission bits'); }
  /** True if splice(2) from a pipe may write here. */
  get takesSplices(): boolean { return true; }
  /** A new description of the same object, as opening /proc/self/fd/N gives it; undefined if Linux refuses that. */
  reopen(): FileDescription | undefined { return undefined; }

  protected take(_into: Uint8Array): number { return -EINVAL; }
  protected give(_from: Uint8Array): number { return -EINVAL; }
  /** Called when the last reference is gone. */
  protected released(): void {}
}

/** /dev/null */
export class NullDevice extends FileDescription {
  get kind(): FileType { return FileType.OTHER; }
  poll(): number { return READ | WRITE; }
  protected override take(): number { return 0; }
  protected override give(from: Uint8Array): number { return from.length; }
}
