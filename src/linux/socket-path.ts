/** Paths of unix sockets, which are short. unix(7) */
import { closeSync, constants, openSync } from 'node:fs';
import { SOCKET_PATH_BYTES_MAX } from '../boundary/limits.js';

/**
 * Calls `use` with a path of the socket DIRECTORY/NAME that fits into an address. A path that is too long is replaced by one
 * through /proc/self/fd, which is valid only while `use` runs.
 */
export function withShortPath(directory: string, name: string, use: (path: string) => void): void {
  const path = `${directory}/${name}`;
  if (Buffer.byteLength(path) <= SOCKET_PATH_BYTES_MAX) return use(path);
  const fd = openSync(directory, constants.O_DIRECTORY | constants.O_RDONLY);
  try {
    use(`/proc/self/fd/${fd}/${name}`);
  } finally {
    closeSync(fd);
  }
}
