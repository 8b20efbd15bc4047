/** Every program reports an error the same way: one line on stderr, then an exit code. */
import "./abort";
import { exit } from "../boundary/wasi";
import * as line from "./line";

/** Writes "WHAT SUBJECT: errno; ADVICE" to stderr; WHAT begins with the program's name. */
export function printError(what: string, subject: usize, errno: i32, advice: string = ""): void {
  line.begin();
  line.put(what);
  if (subject != 0) {
    line.put(" ");
    line.putString(subject);
  }
  if (errno != 0) line.putError(errno);
  if (advice.length > 0) {
    line.put("; ");
    line.put(advice);
  }
  line.flush();
}

/** Prints the error and ends the program. */
export function fail(code: i32, what: string, subject: usize = 0, errno: i32 = 0, advice: string = ""): void {
  printError(what, subject, errno, advice);
  exit(code);
}

export {
  begin, put, putByte, putString, putNumber, putError, putSignal, end as endLine, flush as tell, at as messageAt,
  size as messageSize,
} from "./line";
