/** Searches PATH for a command: execvp(3). */
import { putCopy } from "./text";

const SLASH: u8 = 0x2f, COLON: u8 = 0x3a;
/** Directories of PATH that are searched; further ones are ignored. */
export const DIRECTORIES_MAX: i32 = 64;

/**
 * Puts the paths to try at `at`, NUL-terminated, back to back: the command itself if it has a slash, else the command in
 * each directory of the NUL-terminated `path`. Returns the offset behind them.
 */
export function putCandidates(at: usize, path: usize, command: usize): usize {
  if (load<u8>(command) == 0) return at;
  if (hasSlash(command)) return putEnd(putCopy(at, command));
  for (let i = 0; i < DIRECTORIES_MAX; i++) {
    const start = at;
    for (; load<u8>(path) != 0 && load<u8>(path) != COLON; path++) store<u8>(at++, load<u8>(path));
    // An empty entry means the current directory.
    if (at > start) store<u8>(at++, SLASH);
    at = putEnd(putCopy(at, command));
    if (load<u8>(path++) == 0) break;
  }
  return at;
}

export function hasSlash(at: usize): bool {
  for (; load<u8>(at) != 0; at++) if (load<u8>(at) == SLASH) return true;
  return false;
}

/** Ends a string with NUL. Returns the offset behind it. */
export function putEnd(at: usize): usize {
  store<u8>(at, 0);
  return at + 1;
}
