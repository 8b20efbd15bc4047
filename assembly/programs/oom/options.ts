/** oom [--follow] CGROUP_DIRECTORY */
import { argument, argumentsGiven, exit } from "../../boundary/wasi";
import { fail } from "../../lib/diagnostics";
import * as line from "../../lib/line";
import { equals } from "../../lib/text";

/** The group was removed, or an error. */
export const EXIT_OTHERWISE: i32 = 1;
const MINUS: u8 = 0x2d;
const SEE_HELP = "oom --help shows how to call it";

/** What the command line asks for. */
export namespace options {
  /** The group's directory. */
  export let directory: usize = 0;
  /** Print a line at each event instead of ending. */
  export let following: bool = false;
}

/** Reads the command line, or ends the program. */
export function parse(): void {
  let index = 1;
  while (index < argumentsGiven() && load<u8>(argument(index)) == MINUS) {
    const option = argument(index++);
    if (equals(option, "--")) break;
    if (equals(option, "-h") || equals(option, "--help")) return help();
    if (!equals(option, "--follow")) fail(EXIT_OTHERWISE, "oom: invalid option:", option, 0, SEE_HELP);
    options.following = true;
  }
  if (argumentsGiven() != index + 1) fail(EXIT_OTHERWISE, "oom: one CGROUP_DIRECTORY is wanted", 0, 0, SEE_HELP);
  options.directory = argument(index);
}

function help(): void {
  line.begin();
  line.put("usage: oom [--follow] CGROUP_DIRECTORY\n");
  line.put("Waits for the memory cgroup (v1 or v2) to run out of memory.\n");
  line.put("  --follow  then prints a line, and goes on until it is removed\n");
  line.put("Exit code: 0 when it did, 1 when it was removed and on errors.");
  line.flush();
  exit(0);
}
