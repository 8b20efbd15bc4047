/**
 * wsh [--socket PATH] [--user USER[:GROUP][,GROUP…]] [--env NAME[=VALUE]]… [--workdir DIR] [--umask MODE] [--tty ROWSxCOLUMNS] [-tT] [-in]
 *     [-v] [--raise | --signal-status] [--rsh | --ssh] [COMMAND [ARG…]]
 */
import { argument, argumentsGiven, claim } from "../../boundary/wasi";
import { afterDigits, digitsValue, equals, stringLength } from "../../lib/text";
import { UMASK_MAX } from "../../wire/request-2";
import { parseSsh, ssh } from "./ssh";

const MINUS: u8 = 0x2d, SLASH: u8 = 0x2f, EQUALS: u8 = 0x3d, AT: u8 = 0x40, LETTER_X: u8 = 0x78;
/** Rows and columns are 16 bits wide in struct winsize: ioctl_tty(2). */
const SIZE_MAX: u64 = 65_535;

/** What the command line asks for. */
export namespace options {
  /** 0 without --socket. */
  export let socketPath: usize = 0;
  /** 0 without --user: root. */
  export let user: usize = 0;
  /** Size of --tty's pty; 0 without it. */
  export let rows: i32 = 0, columns: i32 = 0;
  /** Die by the signal that killed the command, so that wait(2) reports it to our parent. */
  export let raising: bool = false;
  /** Exit with 128 + N, instead of 255, when signal N killed the command. */
  export let signalStatus: bool = false;
  /** Report on stderr how a command was killed, also where stderr is no terminal. */
  export let verbose: bool = false;
  /** -T: no pty, although stdin is a terminal. */
  export let noTty: bool = false;
  /** -n: the command's stdin is at its end. */
  export let noInput: bool = false;
  /** What follows is the command line of ssh: ssh.ts. */
  export let isSsh: bool = false;
  /** --workdir; 0 without it. */
  export let directory: usize = 0;
  /** --umask; -1 without it. */
  export let umask: i32 = -1;
  /** The values of --env, and their number. */
  export let environment: usize = 0;
  export let environmentCount: i32 = 0;
  /** Index of the command's first argument; `argumentsGiven()` without a command. */
  export let commandIndex: i32 = 1;
  /** Index of the invalid argument; 0 without one. */
  export let badIndex: i32 = 0;
  export let helpWanted: bool = false;
}

function isOption(index: i32): bool {
  const at = argument(index);
  return at != 0 && load<u8>(at) == MINUS;
}

/** Reads the command line; false: see `badIndex` and `helpWanted`. */
export function parse(): bool {
  let index = 1;
  if (isCalled("warden-ssh")) return takeSsh(index);
  while (isOption(index)) {
    const option = argument(index), value = argument(index + 1);
    if (equals(option, "--")) {
      index++;
      break;
    }
    if (equals(option, "-h") || equals(option, "--help")) {
      options.helpWanted = true;
      return false;
    }
    if (equals(option, "--rsh")) {
      index = parseRsh(index + 1);
      break;
    }
    if (equals(option, "--ssh")) return takeSsh(index + 1);
    if (takeFlag(option)) {
      index++;
      continue;
    }
    if (value == 0) return refuse(index);
    if (equals(option, "--socket")) options.socketPath = value;
    else if (equals(option, "--user")) options.user = value;
    else if (equals(option, "--workdir")) options.directory = value;
    else if (equals(option, "--env") ? !addEnvironment(value) : !takeNumbers(option, value)) return refuse(index);
    index += 2;
  }
  options.commandIndex = min(index, argumentsGiven());
  return options.badIndex == 0;
}

/** Whether the program's name, without its directory, is this. */
function isCalled(name: string): bool {
  let base = argument(0);
  // execve(2) passes an empty list, too.
  for (let at = base; base != 0 && load<u8>(at) != 0; at++) if (load<u8>(at) == SLASH) base = at + 1;
  return base != 0 && equals(base, name);
}

function takeSsh(index: i32): bool {
  options.isSsh = true;
  if (!parseSsh(index)) refuse(ssh.badIndex);
  return options.badIndex == 0;
}

/** Reads an option without a value. */
function takeFlag(option: usize): bool {
  if (equals(option, "--raise")) options.raising = true;
  else if (equals(option, "--signal-status")) options.signalStatus = true;
  else if (equals(option, "-v") || equals(option, "--verbose")) options.verbose = true;
  else if (equals(option, "-t")) options.noTty = false;
  else if (equals(option, "-T")) options.noTty = true;
  else if (equals(option, "-i")) options.noInput = false;
  else if (equals(option, "-n")) options.noInput = true;
  else return false;
  return true;
}

export function environmentOption(index: i32): usize { return load<u32>(options.environment + index * 4); }

/** False for a variable without a name. */
function addEnvironment(value: usize): bool {
  if (load<u8>(value) == 0 || load<u8>(value) == EQUALS) return false;
  if (options.environment == 0) options.environment = claim(argumentsGiven() * 4);
  store<u32>(options.environment + options.environmentCount++ * 4, <u32>value);
  return true;
}

function takeNumbers(option: usize, value: usize): bool {
  return equals(option, "--umask") ? parseUmask(value) : equals(option, "--tty") && parseSize(value);
}

/** Octal digits: "027" */
function parseUmask(text: usize): bool {
  options.umask = 0;
  for (let at = text; load<u8>(at) != 0; at++) {
    const digit = load<u8>(at) - 0x30;
    if (digit > 7 || options.umask > UMASK_MAX) return false;
    options.umask = options.umask * 8 + digit;
  }
  return load<u8>(text) != 0 && options.umask <= UMASK_MAX;
}

/** "24x80" */
function parseSize(text: usize): bool {
  const end = afterDigits(text);
  if (end == text || load<u8>(end) != LETTER_X) return false;
  const last = afterDigits(end + 1);
  if (last == end + 1 || load<u8>(last) != 0) return false;
  const high = digitsValue(text, end), wide = digitsValue(end + 1, last);
  options.rows = <i32>high;
  options.columns = <i32>wide;
  return high >= 1 && high <= SIZE_MAX && wide >= 1 && wide <= SIZE_MAX;
}

/** Parses [-46dn] [-l USER] [-t TIMEOUT] HOST [COMMAND…] as rsh(1); returns the command's index. */
function parseRsh(index: i32): i32 {
  while (isOption(index)) {
    const option = argument(index);
    const letter = stringLength(option) == 2 ? load<u8>(option + 1) : 0;
    switch (letter) {
      case 0x34: case 0x36: case 0x64: case 0x6e: // 4 6 d n
        index++;
        break;
      case 0x6c: // l
        options.user = argument(index + 1);
        if (options.user == 0) refuse(index);
        index += 2;
        break;
      case 0x74: // t
        if (argument(index + 1) == 0) refuse(index);
        index += 2;
        break;
      default:
        refuse(index);
        return index;
    }
  }
  if (argument(index) == 0) refuse(index - 1);
  else takeRshHost(argument(index));
  return index + 1;
}

/** [USER@]HOST, as in ssh(1); -l counts more. rsh(1) knows no USER@, but its clients write it. */
function takeRshHost(text: usize): void {
  let end: usize = 0;
  for (let at = text; load<u8>(at) != 0; at++) if (load<u8>(at) == AT) end = at;
  if (end == 0 || options.user != 0) return;
  options.user = claim(<u32>(end - text) + 1);
  memory.copy(options.user, text, end - text);
}

function refuse(index: i32): bool {
  if (options.badIndex == 0) options.badIndex = index;
  return false;
}
