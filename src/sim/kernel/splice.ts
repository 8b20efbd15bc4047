/** splice(2) with SPLICE_F_NONBLOCK: between two pipes, from a file or a socket into a pipe, from a pipe to something else. fs/splice.c */
import { EAGAIN, EBADF, EINVAL, EPIPE } from './errno.js';
import { type FileDescription, WOULD_BLOCK } from './open-file.js';
import { PAGE_BYTES, PipeEnd } from './pipe.js';
import { type Splicer, Socket } from './socket.js';
import { FileType } from '../../boundary/constants.js';

/** Bytes moved, or a negated errno. */
export function splice(from: FileDescription, to: FileDescription, size: number, splicer: Splicer): number {
  if (size === 0) return 0;
  if (!from.canRead || !to.canWrite) return -EBADF;
  if (from instanceof PipeEnd) return to instanceof PipeEnd ? betweenPipes(from, to, size) : outOfPipe(from, to, size);
  return to instanceof PipeEnd ? intoPipe(from, to, size, splicer) : -EINVAL;
}

function betweenPipes(from: PipeEnd, to: PipeEnd, size: number): number {
  if (from.pipe === to.pipe) return -EINVAL;
  // In the kernel's order: a full target comes before a source at its end.
  if (from.pipe.slots.length === 0 && from.pipe.writers > 0) return -EAGAIN;
  if (to.pipe.readers === 0) return -EPIPE;
  if (to.pipe.isFull) return -EAGAIN;
  return from.pipe.moveTo(to.pipe, size);
}

function intoPipe(from: FileDescription, { pipe }: PipeEnd, size: number, splicer: Splicer): number {
  if (pipe.readers === 0) return -EPIPE;
  if (pipe.isFull) return WOULD_BLOCK;
  // The kernel asks the source for at most a page for each free slot, however large the source's pieces are.
  const most = Math.min(size, (pipe.slotsMax - pipe.slots.length) * PAGE_BYTES);
  if (from instanceof Socket) return from.spliceTo(pipe, most, splicer);
  return from.kind === FileType.FILE ? copy(from, pipe, most) : -EINVAL;
}

function copy(from: FileDescription, pipe: PipeEnd['pipe'], size: number): number {
  const piece = new Uint8Array(size), got = from.read(piece);
  return got > 0 ? pipe.write(piece.subarray(0, got)) : got;
}

function outOfPipe({ pipe }: PipeEnd, to: FileDescription, size: number): number {
  if (to instanceof Socket) return to.spliceFrom(pipe, size);
  if (!to.takesSplices) return -EINVAL;
  let done = 0;
  while (done < size && pipe.slots.length > 0) {
    const slot = pipe.slots[0]!, count = Math.min(slot.length, size - done);
    const sent = to.write(slot.page.subarray(slot.offset, slot.offset + count));
    if (sent < 0) return done > 0 ? done : sent;
    pipe.consume(slot, sent);
    done += sent;
    if (sent < count) return done;
  }
  return done > 0 || size === 0 || pipe.writers === 0 ? done : WOULD_BLOCK;
}
