/** What is printed as it stands: help, version, features, a first config.json. */
import { exit, print } from "../../../boundary/wasi";

const PIECE_BYTES: i32 = 1024;
const piece = memory.data(PIECE_BYTES);

/** Prints an ASCII text. */
export function printText(text: string): void {
  let used = 0;
  for (let i = 0; i < text.length; i++) {
    store<u8>(piece + used++, <u8>text.charCodeAt(i));
    if (used < PIECE_BYTES && i + 1 < text.length) continue;
    print(1, piece, used);
    used = 0;
  }
}

const VERSION = `warden-runtime version 0.2.0
spec: 1.2.0
`;

const HELP = `warden-runtime: runs containers as the Open Container Initiative specifies

  warden-runtime [--root DIR] [--log FILE] [--log-format json|text] COMMAND [OPTION...] [ID [ARGUMENT...]]

  create [-b BUNDLE] [--pid-file FILE] [--console-socket PATH] [--preserve-fds N] [--no-pivot] [--no-new-keyring] ID
  start ID
  run    as create, and [-d] [--keep]: creates, starts, waits, deletes
  exec [-d] [-t] [-p PROCESS.JSON] [--pid-file FILE] [--console-socket PATH] [--preserve-fds N] [--cwd DIR] [-u UID[:GID]]
       [-e NAME=VALUE] ID [COMMAND...]
  kill [-a] ID [SIGNAL]
  delete [-f] ID
  state ID
  list [-f table|json] [-q]
  ps [-f table|json] ID
  pause ID
  resume ID
  update [-r FILE] [--memory BYTES] [--memory-swap BYTES] [--cpu-quota US] [--pids-limit N] … ID
  events [--stats] [--interval SECONDS] ID
  features
  spec [-b BUNDLE]

docs/reference/warden-runtime.md says what each does.
`;

export function printHelp(): void {
  printText(HELP);
  exit(0);
}

export function printVersion(): void {
  printText(VERSION);
  exit(0);
}
