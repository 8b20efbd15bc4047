/**
 * How the command ended, for readers that come when no process of the job is left: time, blank, status as wait(2) has it, newline:
 *
 *   2026-11-30T16:03:02.610768118+00:00 256
 */
import { close, open, OPEN_REPLACE, rename, write } from "../../boundary/shim";
import { claim, realtimeNs } from "../../boundary/wasi";
import { putTime } from "../../lib/log/time";
import { printError } from "../../lib/diagnostics";
import { putCopy, putDigits, putText, stringLength } from "../../lib/text";

const text = memory.data(64);
let path: usize = 0;
let fresh: usize = 0;

export function claimExitFile(exitPath: usize): void {
  path = exitPath;
  fresh = claim(stringLength(path) + 5);
  store<u8>(putText(putCopy(fresh, path), ".new"), 0);
}

/** Writes the file: it is there whole, or not at all. */
export function writeExitFile(status: i32): void {
  if (path == 0) return;
  const file = open(fresh, OPEN_REPLACE);
  if (file < 0) return printError("iomux-spawn: cannot make the exit file", fresh, file);
  const end = putDigits(putText(putTime(text, realtimeNs()), " "), <u64><u32>status);
  store<u8>(end, 0x0a);
  const size = <i32>(end + 1 - text), sent = write(file, text, size);
  close(file);
  if (sent != size) return printError("iomux-spawn: cannot write the exit file", fresh, min(sent, 0));
  const renamed = rename(fresh, path);
  if (renamed < 0) printError("iomux-spawn: cannot rename a file to", path, renamed);
}
