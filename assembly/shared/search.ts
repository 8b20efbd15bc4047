/** Where a command is looked for: execvp(3). */
import { putCopy } from "./bytes";

const SLASH: u8 = 0x2f, COLON: u8 = 0x3a;
/** Directories of a PATH that are looked at; the host takes no more files. */
export const DIRECTORIES_MAX: i32 = 64;

/**
 * Puts the files to try at `at`, NUL-terminated, back to back: the command itself when it has a slash, else one in each
 * directory of the NUL-terminated `path`. Where they end.
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

function hasSlash(at: usize): bool {
  for (; load<u8>(at) != 0; at++) if (load<u8>(at) == SLASH) return true;
  return false;
}

/** Puts a string's NUL; where the next one begins. */
export function putEnd(at: usize): usize {
  store<u8>(at, 0);
  return at + 1;
}
