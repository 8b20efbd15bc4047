/** Open descriptions: what descriptors, of one process or several, and messages on their way refer to. open(2) */
import { EAGAIN, EBADF, EINVAL, ENOTTY } from './errno.js';
import { Kind, READ, WRITE } from '../vocabulary.js';

/** The answer of whatever would block; the caller decides whether that means to wait. */
export const WOULD_BLOCK = -EAGAIN;

export abstract class Description {
  /** Descriptors, and messages in flight, that refer to it. */
  references = 0;
  nonblocking = false;
  abstract get kind(): Kind;

  /** `alwaysReady`: epoll(7) refuses it, for it is ready all the time. */
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
  /** Bytes taken, `WOULD_BLOCK`, or a negated errno. */
  write(from: Uint8Array): number { return this.canWrite ? this.give(from) : -EBADF; }
  /** `READ`, `WRITE`, `HANGUP`: what epoll(7) would report. */
  abstract poll(): number;
  /** FIONREAD */
  pending(): number { return -ENOTTY; }
  /** Permission bits, which `mark` changes. */
  get mode(): number { return 0o600; }
  set mode(_bits: number) { throw new Error('nothing here keeps permission bits'); }
  /** A description of its own of the same object, as /proc/self/fd gives it; undefined where that is refused. */
  reopen(): Description | undefined { return undefined; }

  protected take(_into: Uint8Array): number { return -EINVAL; }
  protected give(_from: Uint8Array): number { return -EINVAL; }
  /** The last reference is gone. */
  protected released(): void {}
}

/** /dev/null */
export class NullDevice extends Description {
  get kind(): Kind { return Kind.OTHER; }
  poll(): number { return READ | WRITE; }
  protected override take(): number { return 0; }
  protected override give(from: Uint8Array): number { return from.length; }
}
