/**
 * The command line of ssh(1), as clients of a remote shell pass it:
 *
 *   [OPTION…] [USER@]HOST [OPTION…] [--] [WORD…]
 *
 * Options may be joined (-tt, -lUSER). Those about the connection are accepted and have no effect; those that ask for what a
 * container cannot do, such as forwarding, are refused.
 */
import { argument, argumentsGiven, claim } from "../../boundary/wasi";
import { equals, putCopy, stringLength } from "../../lib/text";

const MINUS: u8 = 0x2d, BLANK: u8 = 0x20, AT: u8 = 0x40, EQUALS: u8 = 0x3d, QUOTE: u8 = 0x22;
const LETTER_G: u8 = 0x47, LETTER_T: u8 = 0x54, LETTER_V: u8 = 0x56, LETTER_L: u8 = 0x6c, LETTER_N: u8 = 0x6e, LETTER_O: u8 = 0x6f;
const LETTER_S: u8 = 0x73, LETTER_SMALL_T: u8 = 0x74;
const FLAGS = "1246AaCGgKkMnqsTtVvXxYy", WITH_VALUE = "BbcEeFIilmoPpS";

export const enum Pty {
  /** A pty if there is no command, and stdin and stdout are terminals. */
  AUTO,
  /** -T */
  NEVER,
  /** -t: a pty if stdin is a terminal. */
  AT_TERMINAL,
  /** -tt */
  ALWAYS,
}
/** What to do instead of running a command. */
export const enum Probe { NONE, CONFIGURATION, VERSION }

/** What the command line of ssh(1) asks for. */
export namespace ssh {
  /** 0 without -l, -o User or USER@; the first of them counts. */
  export let user: usize = 0;
  export let host: usize = 0;
  /** The words, joined by blanks; 0 without any. */
  export let line: usize = 0;
  export let pty: Pty = Pty.AUTO;
  /** -n */
  export let noInput: bool = false;
  /** -s: the words name a subsystem. */
  export let isSubsystem: bool = false;
  export let probe: Probe = Probe.NONE;
  /** Index of the refused argument; 0 without one. */
  export let badIndex: i32 = 0;
}

/** Reads the command line from `index` on; false: see `sshBadIndex`. */
export function parseSsh(index: i32): bool {
  index = parseOptions(index);
  if (ssh.badIndex != 0 || ssh.probe == Probe.VERSION) return ssh.badIndex == 0;
  if (argument(index) == 0) return refuse(max(index - 1, 1));
  takeHost(argument(index));
  index = parseOptions(index + 1);
  joinWords(index);
  return ssh.badIndex == 0;
}

/** Reads options from `index` on; returns the index of the first operand. */
function parseOptions(index: i32): i32 {
  for (; argument(index) != 0 && ssh.badIndex == 0; index++) {
    const text = argument(index);
    if (load<u8>(text) != MINUS || load<u8>(text + 1) == 0) return index;
    if (equals(text, "--")) return index + 1;
    index = parseJoined(text + 1, index);
  }
  return index;
}

/** Reads the letters of one argument; returns the index of the last argument read, which may be an option's value. */
function parseJoined(at: usize, index: i32): i32 {
  for (; load<u8>(at) != 0; at++) {
    const letter = load<u8>(at);
    if (contains(WITH_VALUE, letter)) {
      const value = load<u8>(at + 1) != 0 ? at + 1 : argument(++index);
      if (value == 0) refuse(index - 1);
      else takeValue(letter, value);
      return index;
    }
    if (!contains(FLAGS, letter)) {
      refuse(index);
      return index;
    }
    takeFlag(letter);
  }
  return index;
}

function contains(letters: string, letter: u8): bool {
  for (let i = 0; i < letters.length; i++) if (<u8>letters.charCodeAt(i) == letter) return true;
  return false;
}

function takeFlag(letter: u8): void {
  switch (letter) {
    case LETTER_N: ssh.noInput = true; break;
    case LETTER_S: ssh.isSubsystem = true; break;
    case LETTER_T: ssh.pty = Pty.NEVER; break;
    case LETTER_SMALL_T: ssh.pty = ssh.pty == Pty.AT_TERMINAL ? Pty.ALWAYS : Pty.AT_TERMINAL; break;
    case LETTER_G: ssh.probe = Probe.CONFIGURATION; break;
    case LETTER_V: ssh.probe = Probe.VERSION; break;
  }
}

function takeValue(letter: u8, value: usize): void {
  if (letter == LETTER_L) takeUser(value);
  if (letter != LETTER_O) return;
  const user = valueOf(value, "user"), tty = valueOf(value, "requesttty"), nullInput = valueOf(value, "stdinnull");
  if (user != 0) takeUser(user);
  if (tty != 0) ssh.pty = equals(tty, "no") ? Pty.NEVER : equals(tty, "force") ? Pty.ALWAYS : equals(tty, "yes") ? Pty.AT_TERMINAL : Pty.AUTO;
  if (nullInput != 0) ssh.noInput = equals(nullInput, "yes");
}

/** The value in "KEY=VALUE" or "KEY VALUE"; 0 for another key. The case of the key does not count: ssh_config(5) */
function valueOf(setting: usize, key: string): usize {
  for (let i = 0; i < key.length; i++) if ((load<u8>(setting++) | 0x20) != <u8>key.charCodeAt(i)) return 0;
  let separators = 0;
  for (; load<u8>(setting) == BLANK || load<u8>(setting) == EQUALS; setting++) separators++;
  return separators > 0 ? unquoted(setting) : 0;
}

/** A value may stand in double quotes: ssh_config(5) */
function unquoted(value: usize): usize {
  const size = stringLength(value);
  if (size < 2 || load<u8>(value) != QUOTE || load<u8>(value + size - 1) != QUOTE) return value;
  const inside = claim(size - 1);
  memory.copy(inside, value + 1, size - 2);
  return inside;
}

function takeUser(name: usize): void { if (ssh.user == 0) ssh.user = name; }

/** [USER@]HOST: the last @ separates them, since a user's name may contain one. */
function takeHost(text: usize): void {
  let at: usize = 0;
  for (let next = text; load<u8>(next) != 0; next++) if (load<u8>(next) == AT) at = next;
  if (at != 0) {
    const name = claim(<u32>(at - text) + 1);
    memory.copy(name, text, at - text);
    takeUser(name);
  }
  ssh.host = at != 0 ? at + 1 : text;
}

function joinWords(index: i32): void {
  let size: u32 = 0;
  for (let i = index; i < argumentsGiven(); i++) size += stringLength(argument(i)) + 1;
  if (size == 0) return;
  ssh.line = claim(size);
  let end = ssh.line;
  for (let i = index; i < argumentsGiven(); i++) {
    if (i > index) store<u8>(end++, BLANK);
    end = putCopy(end, argument(i));
  }
}

function refuse(index: i32): bool {
  ssh.badIndex = index;
  return false;
}
