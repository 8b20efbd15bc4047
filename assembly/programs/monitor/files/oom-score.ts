/** How likely the kernel ends this process when memory is short. proc(5), oom_score_adj */
import { close, open, OPEN_REPLACE, write } from "../../../boundary/shim";
import { cString } from "../../../lib/text";

const path = cString("/proc/self/oom_score_adj");
const NEVER = cString("-1000");
const USUAL = cString("0");

/** Out of memory costs the container, not who has to report it. Processes that run already keep their score. */
export function protectFromOom(): void { setScore(NEVER, 5); }

/** What the monitor starts from now on is as any other process. */
export function unprotectFromOom(): void { setScore(USUAL, 1); }

/** Without the right to it the score stays. */
function setScore(text: usize, size: u32): void {
  const file = open(path, OPEN_REPLACE);
  if (file < 0) return;
  write(file, text, size);
  close(file);
}
