/** What every program does the same way: complain and end. */
import "./abort";
import { exit } from "../wasi";
import { begin, put, putError, putString, tell } from "./message";

/** "PROGRAM: cannot WHAT SUBJECT: errno; ADVICE", on stderr. */
export function complain(what: string, subject: usize, errno: i32, advice: string = ""): void {
  begin();
  put(what);
  if (subject != 0) {
    put(" ");
    putString(subject);
  }
  if (errno != 0) putError(errno);
  if (advice.length > 0) {
    put("; ");
    put(advice);
  }
  tell();
}

export function fail(code: i32, what: string, subject: usize = 0, errno: i32 = 0, advice: string = ""): void {
  complain(what, subject, errno, advice);
  exit(code);
}
