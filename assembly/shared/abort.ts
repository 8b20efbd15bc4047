import { begin, put, putNumber, tell } from "./message";

/** Where a failed assertion ends: the reason on stderr, then a trap, which is the host's to handle. */
export function abort(reason: string | null = null, file: string | null = null, line: u32 = 0, column: u32 = 0): void {
  begin();
  put("assertion failed: ");
  if (reason != null) put(reason);
  put(" (");
  if (file != null) put(file);
  put(":");
  putNumber(line);
  put(")");
  tell();
  unreachable();
}
