/**
 * wshd [--run DIR] [--lib DIR] [--root DIR] [--title NAME] [--no-new-privs] [--user-namespace] [--keep-groups]
 *      [--owner UID] [--share-network] [--confine] [--capabilities LIST] [--filter FILE]
 */
import { argument, exit } from "../../boundary/wasi";
import { capabilityNumber } from "../../lib/capabilities";
import { afterDigits, cString, digitsValue, equals, stringLength } from "../../lib/text";
import * as line from "../../lib/line";
import { fail } from "../../lib/diagnostics";

/** A directory of this length and a file's name fit PATH_BYTES. */
export const OPTION_BYTES: u32 = 1024;
const TITLE_BYTES: u32 = 256;

/** What the command line asks for. */
export namespace options {
  export let run = cString("run");
  export let lib = cString("lib");
  export let root = cString("root");
  export let title = cString("wshd");
  /** Commands of users other than root run with no_new_privs. prctl(2) */
  export let noNewPrivs: bool = false;
  /** The container gets a user namespace, whose ids hook-parent-after-clone.sh writes. */
  export let userNamespace: bool = false;
  /** The user namespace has a single id, so that nobody in it may call setgroups(2). */
  export let keepGroups: bool = false;
  /** The container has the network of the process that starts wshd. */
  export let shareNetwork: bool = false;
  /** The user of the host to whom the user namespace belongs, where `hasOwner`. */
  export let owner: u32 = 0;
  export let hasOwner: bool = false;
  /** PID 1 leaves what it has of its caller. */
  export let confine: bool = false;
  /** The bounding set of commands, where `boundsCapabilities`. */
  export let capabilities: u64 = 0;
  export let boundsCapabilities: bool = false;
  /** The file of a compiled filter of system calls, or 0. */
  export let filter: usize = 0;
}

/** Reads the command line, or ends the program. */
export function parse(): void {
  for (let index = 1; argument(index) != 0; index += 2) {
    const option = argument(index), value = argument(index + 1);
    if (equals(option, "-h") || equals(option, "--help")) return help();
    if (isFlag(option)) {
      index--;
      continue;
    }
    if (value == 0) return refuse(option);
    if (stringLength(value) >= OPTION_BYTES) return fail(1, "wshd: longer than the 1023 bytes that fit: the value of", option);
    if (equals(option, "--run")) options.run = value;
    else if (equals(option, "--lib")) options.lib = value;
    else if (equals(option, "--root")) options.root = value;
    else if (equals(option, "--title")) options.title = value;
    else if (equals(option, "--capabilities")) takeCapabilities(value);
    else if (equals(option, "--filter")) options.filter = value;
    else if (equals(option, "--owner")) takeOwner(value);
    else return refuse(option);
  }
  if (stringLength(options.title) >= TITLE_BYTES) fail(1, "wshd: longer than the 255 bytes that fit: the value of --title");
}

/** Notes an option without a value. */
function isFlag(option: usize): bool {
  if (equals(option, "--no-new-privs")) options.noNewPrivs = true;
  else if (equals(option, "--user-namespace")) options.userNamespace = true;
  else if (equals(option, "--keep-groups")) options.keepGroups = true;
  else if (equals(option, "--share-network")) options.shareNetwork = true;
  else if (equals(option, "--confine")) options.confine = true;
  else return false;
  return true;
}

/** The last number is none: chown(2). */
function takeOwner(text: usize): void {
  const end = afterDigits(text), uid = digitsValue(text, end);
  if (end == text || load<u8>(end) != 0 || uid >= u32.MAX_VALUE) return fail(1, "wshd: --owner takes the number of a user, not", text);
  options.owner = <u32>uid;
  options.hasOwner = true;
}

const COMMA: u8 = 0x2c;

/** NAME,…: none of them is "none". */
function takeCapabilities(list: usize): void {
  options.boundsCapabilities = true;
  options.capabilities = 0;
  if (equals(list, "none")) return;
  for (let at = list, end = list; ; at = ++end) {
    while (load<u8>(end) != 0 && load<u8>(end) != COMMA) end++;
    const number = capabilityNumber(at, <u32>(end - at));
    if (number < 0) return fail(1, "wshd: --capabilities takes names of capabilities(7) with commas between, or none, not", list);
    options.capabilities |= <u64>1 << number;
    if (load<u8>(end) == 0) return;
  }
}

function refuse(option: usize): void {
  fail(1, "wshd: invalid option, or one without its value:", option, 0, "wshd --help shows all of them");
}

function help(): void {
  line.begin();
  line.put("usage: wshd [--run DIR] [--lib DIR] [--root DIR] [--title NAME] [--no-new-privs]\n");
  line.put("            [--user-namespace] [--keep-groups] [--owner UID] [--share-network]\n");
  line.put("            [--confine] [--capabilities LIST] [--filter FILE]\n");
  line.put("Starts a container: PID 1 of new namespaces, which runs commands for wsh.\n");
  line.put("  --run DIR     where wshd.sock is made (run)\n");
  line.put("  --lib DIR     where the hooks are: hook-{parent-before-clone,parent-after-clone,\n");
  line.put("                child-before-pivot,child-after-pivot}.sh; one that is missing is skipped (lib)\n");
  line.put("  --root DIR    the container's root file system (root)\n");
  line.put("  --title NAME  what ps shows for the daemon (wshd)\n");
  line.put("  --no-new-privs  set-user-id programs such as sudo give a user other than root no privileges\n");
  line.put("  --user-namespace  root of the container is another user on the host: the one that\n");
  line.put("                    hook-parent-after-clone.sh writes to /proc/$PID/uid_map and gid_map\n");
  line.put("  --keep-groups     for a user namespace with a single id, where setgroups(2) is denied\n");
  line.put("  --share-network   the container gets no network namespace of its own\n");
  line.put("  --owner UID   the host's user for whom the kernel counts what the user namespace uses up\n");
  line.put("  --confine     commands get none of the caller's keys, priorities, inheritable capabilities\n");
  line.put("  --capabilities LIST  what commands can have at most: chown,kill; or none (all)\n");
  line.put("  --filter FILE  a filter of system calls, made by `warden seccomp`\n");
  line.put("Exit code: 0 once the container serves, 1 when it could not be started.");
  line.flush();
  exit(0);
}
