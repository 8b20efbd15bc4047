import * as line from "./line";

/** A failed assertion writes its reason to stderr, then traps. The host handles the trap. */
export function abort(reason: string | null = null, file: string | null = null, lineNumber: u32 = 0, column: u32 = 0): void {
  line.begin();
  line.put("assertion failed: ");
  if (reason != null) line.put(reason);
  line.put(" (");
  if (file != null) line.put(file);
  line.put(":");
  line.putNumber(lineNumber);
  line.put(")");
  line.flush();
  unreachable();
}
