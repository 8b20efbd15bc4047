/** --pid-file: under another name first, so that nobody sees half of it. */
import { close, openAt, OPENAT_CREATE, OPENAT_EXCLUSIVE, OPENAT_WRITE, renameAt } from "../../../boundary/shim";
import { ENAMETOOLONG } from "../../../lib/errno";
import { putCopy, putDigits, putText, stringLength } from "../../../lib/text";
import { options } from "../input/options";
import { PATH_BYTES, writeAll } from "./paths";

const text = memory.data(16), path = memory.data(PATH_BYTES + 64);

/** Writes the number, without a newline: 0, also where no file is asked for, or a negated errno. */
export function writePidFile(pid: i32): i32 {
  if (options.pidFile == 0) return 0;
  if (stringLength(options.pidFile) >= PATH_BYTES) return -ENAMETOOLONG;
  store<u8>(putDigits(putText(putCopy(path, options.pidFile), "."), pid), 0);
  const file = openAt(0, path, OPENAT_WRITE | OPENAT_CREATE | OPENAT_EXCLUSIVE, 0o644);
  if (file < 0) return file;
  const written = writeAll(file, text, <u32>(putDigits(text, pid) - text));
  close(file);
  return written < 0 ? written : renameAt(0, path, options.pidFile);
}
