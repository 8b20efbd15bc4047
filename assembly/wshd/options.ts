/** wshd [--run DIR] [--lib DIR] [--root DIR] [--title NAME] */
import { argument, exit } from "../wasi";
import { equals, stringLength } from "../shared/bytes";
import { begin, put, tell } from "../shared/message";
import { fail } from "../shared/program";

/** A path with a file's name behind it has to fit PATH_BYTES. */
export const OPTION_BYTES: u32 = 1024;
const TITLE_BYTES: u32 = 256;

const defaultRun = memory.data<u8>([0x72, 0x75, 0x6e, 0]);
const defaultLib = memory.data<u8>([0x6c, 0x69, 0x62, 0]);
const defaultRoot = memory.data<u8>([0x72, 0x6f, 0x6f, 0x74, 0]);
const defaultTitle = memory.data<u8>([0x77, 0x73, 0x68, 0x64, 0]);

export let run: usize = defaultRun;
export let lib: usize = defaultLib;
export let root: usize = defaultRoot;
export let title: usize = defaultTitle;

/** Reads the command line, or ends the program. */
export function parse(): void {
  for (let index = 1; argument(index) != 0; index += 2) {
    const option = argument(index), value = argument(index + 1);
    if (equals(option, "-h") || equals(option, "--help")) return help();
    if (value == 0) return refuse(option);
    if (stringLength(value) >= OPTION_BYTES) return fail(1, "wshd: longer than the 1023 bytes that fit: the value of", option);
    if (equals(option, "--run")) run = value;
    else if (equals(option, "--lib")) lib = value;
    else if (equals(option, "--root")) root = value;
    else if (equals(option, "--title")) title = value;
    else return refuse(option);
  }
  if (stringLength(title) >= TITLE_BYTES) fail(1, "wshd: longer than the 255 bytes that fit: the value of --title");
}

function refuse(option: usize): void {
  fail(1, "wshd: invalid option, or one without its value:", option, 0, "wshd --help shows all of them");
}

function help(): void {
  begin();
  put("usage: wshd [--run DIR] [--lib DIR] [--root DIR] [--title NAME]\n");
  put("Starts a container: PID 1 of new namespaces, which runs commands for wsh.\n");
  put("  --run DIR     where wshd.sock is made (run)\n");
  put("  --lib DIR     where the hooks are: hook-{parent-before-clone,parent-after-clone,\n");
  put("                child-before-pivot,child-after-pivot}.sh; one that is missing is skipped (lib)\n");
  put("  --root DIR    the container's root file system (root)\n");
  put("  --title NAME  what ps shows for the daemon (wshd)\n");
  put("Exit code: 0 once the container serves, 1 when it could not be started.");
  tell();
  exit(0);
}
