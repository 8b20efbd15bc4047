/** The end of the program after a failure: what was made of a container is taken back. */
import { exit } from "../../../boundary/wasi";
import { removeGroups } from "../cgroup/groups";
import { complainAbout, flushMessage, reports } from "./log";
import { removeState } from "./state-directory";

/** The exit code of a failure. */
let failureCode: i32 = 1;
export function failWith(code: i32): void { failureCode = code; }

/** Whether a container is being made, which a failure takes back. */
let undoes: bool = false;
export function undoWith(on: bool): void { undoes = on; }

export function die(words: string, subject: usize = 0, errno: i32 = 0, advice: string = ""): void {
  complainAbout(words, subject, errno, advice);
  leave(failureCode);
}

/** Ends for a call that has failed. */
export function must(result: i32, words: string): void { if (result < 0) die(words, 0, result); }

/** Ends with the message that has been put together (lib/diagnostics.ts). */
export function flushAndLeave(): void {
  flushMessage();
  leave(failureCode);
}

/** Ends with a failure that has been written. */
export function leave(code: i32): void {
  const undo = undoes && !reports();
  undoes = false;
  if (undo) {
    removeGroups();
    removeState();
  }
  exit(code);
}
