/**
 * The lines of the container's /etc/passwd and /etc/group, read in pieces, up to a limit. The container controls these files: they may
 * be missing, endless or devices.
 */
import { close, FileType, handleType, open, OPEN_READ, read } from "../../boundary/shim";
import { ENOENT } from "../../lib/errno";

const PIECE_BYTES: u32 = 4096;
/** A longer line is skipped. */
export const LINE_BYTES: u32 = 2048;
/** Enough for some 20,000 users. */
const FILE_BYTES_MAX: u32 = 1 << 20;
const NEWLINE: i32 = 0x0a, NOTHING: i32 = -1, TOO_MUCH: i32 = -2;

export const enum Line { READ, END, TOO_LARGE }

const piece = memory.data(PIECE_BYTES);
export const line = memory.data(LINE_BYTES + 1);
/** Bytes of the line, which a NUL follows. */
export let lineLength: u32 = 0;
/** Errno of the last `openLines` that failed. */
export let openError: i32 = 0;

let file: i32 = -1;
let at: u32 = 0, have: u32 = 0, total: u32 = 0;

/** False if the path leads to no regular file that can be read. */
export function openLines(path: usize): bool {
  file = open(path, OPEN_READ);
  at = have = total = 0;
  if (file >= 0 && (handleType(file) & FileType.MASK) == FileType.FILE) return true;
  openError = file >= 0 ? ENOENT : -file;
  closeFile();
  return false;
}

/** Closes the file, also of a lookup that trapped. */
export function closeFile(): void {
  const handle = file;
  file = -1;
  if (handle >= 0) close(handle);
}

/** Reads the next line; the last one may lack its newline. */
export function nextLine(): Line {
  let length: u32 = 0, byte = nextByte();
  for (; byte >= 0; byte = nextByte()) {
    if (byte == NEWLINE) {
      if (length <= LINE_BYTES) return end(length);
      length = 0;
    } else if (length <= LINE_BYTES) {
      if (length < LINE_BYTES) store<u8>(line + length, <u8>byte);
      length++;
    }
  }
  if (byte == TOO_MUCH) return Line.TOO_LARGE;
  return length > 0 && length <= LINE_BYTES ? end(length) : Line.END;
}

/** The next byte, NOTHING at the end of the file, or TOO_MUCH. */
function nextByte(): i32 {
  if (at == have) {
    at = 0;
    have = max(read(file, piece, PIECE_BYTES), 0);
    total += have;
    if (total > FILE_BYTES_MAX) return TOO_MUCH;
    if (have == 0) return NOTHING;
  }
  return load<u8>(piece + at++);
}

function end(length: u32): Line {
  lineLength = length;
  store<u8>(line + length, 0);
  return Line.READ;
}
