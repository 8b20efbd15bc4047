/**
 * The client's side of protocol 2: the request with its block, and the records. docs/reference/protocol.md §6
 *
 * wsh speaks version 2 when the command line asks for what version 1 cannot carry.
 */
import { MARKED, pathType, raise, sealedFile, send, write } from "../../boundary/shim";
import { argument, argumentsGiven, claim, entryOf, variable } from "../../boundary/wasi";
import { EAGAIN } from "../../lib/errno";
import { cString, isDigit, putCopy, stringLength } from "../../lib/text";
import { ARGUMENTS_BYTES, USER_BYTES } from "../../wire/request";
import {
  AT_2_ARGUMENT_BYTES, AT_2_COLUMNS, AT_2_COMMAND, AT_2_DIRECTORY, AT_2_ENVIRONMENT_BYTES, AT_2_PATH, AT_2_ROWS, AT_2_TTY, AT_2_UMASK,
  AT_2_USER, beginRequest2, BLOCK_BYTES_MAX, PATH_BYTES, putText2, REQUEST_2_BYTES, USER_2_BYTES,
} from "../../wire/request-2";
import { putSignal, SIGNAL_BYTES, Target } from "../../wire/signal";
import { environmentOption, options } from "./options";
import { refuse } from "./problem";

const EQUALS: u8 = 0x3d, COLON: u8 = 0x3a, COMMA: u8 = 0x2c;
/** The version goes alone: wshd reads it without taking descriptors. */
const VERSION_BYTES: u32 = 4;

export const request2 = memory.data(REQUEST_2_BYTES, 8);
/** The block's handle, if there is one. */
const handles = memory.data(4, 4);
const message = memory.data(SIGNAL_BYTES, 4);
let handleCount: u32 = 0;
let sent: u32 = 0;

/** What of the command line version 1 cannot carry, as a text; 0 if it can carry all. */
export function needOf2(): usize {
  if (options.environmentCount > 0) return cString("--env");
  if (options.directory != 0) return cString("--workdir");
  if (options.umask >= 0) return cString("--umask");
  if (options.user != 0 && !isNameOf1(options.user)) return cString("such a --user");
  return !options.isSsh && argumentBytes() > <i32>ARGUMENTS_BYTES ? cString("more than 8192 bytes of arguments") : 0;
}

/** A name, as version 1 has it. */
function isNameOf1(user: usize): bool {
  return !isNumber(user) && !has(user, COLON) && !has(user, COMMA) && stringLength(user) < USER_BYTES;
}

function isNumber(at: usize): bool {
  if (load<u8>(at) == 0) return false;
  for (; load<u8>(at) != 0; at++) if (!isDigit(load<u8>(at))) return false;
  return true;
}

function has(at: usize, byte: u8): bool {
  for (; load<u8>(at) != 0; at++) if (load<u8>(at) == byte) return true;
  return false;
}

/** Whether the wshd of this socket knows version 2; also true if there is no such file: connecting will say so. */
export function isOffered(path: usize): bool {
  const kind = pathType(path);
  return kind < 0 || (kind & MARKED) != 0;
}

function argumentBytes(): i32 {
  let bytes = 0;
  for (let i = options.commandIndex; i < argumentsGiven(); i++) bytes += stringLength(argument(i)) + 1;
  return bytes;
}

/** Composes the request and its block; false: see problem.ts. Limits are put into `request2` by the caller. */
export function compose2(interactive: bool, rows: i32, columns: i32): bool {
  beginRequest2(request2);
  store<i32>(request2 + AT_2_TTY, interactive);
  store<i32>(request2 + AT_2_ROWS, rows);
  store<i32>(request2 + AT_2_COLUMNS, columns);
  if (options.umask >= 0) store<i32>(request2 + AT_2_UMASK, options.umask);
  if (options.user != 0 && !putText2(request2, AT_2_USER, USER_2_BYTES, options.user)) return refuse("wsh: --user has at most 1023 bytes, this one more:", options.user);
  if (options.directory != 0 && !putText2(request2, AT_2_DIRECTORY, PATH_BYTES, options.directory)) return refuse("wsh: --workdir has at most 4095 bytes, this one more:", options.directory);
  const command = argument(options.commandIndex);
  if (command != 0 && !putText2(request2, AT_2_COMMAND, PATH_BYTES, command)) return refuse("wsh: the name of a command has at most 4095 bytes, this one more:", command);
  return composeBlock();
}

function composeBlock(): bool {
  const argumentSize = argumentBytes();
  let size = argumentSize + langBytes();
  for (let i = 0; i < options.environmentCount; i++) size += stringLength(entry(i)) + 1;
  if (size > BLOCK_BYTES_MAX) return refuse("wsh: command and variables take more than the 6 MiB that a request holds");
  const block = claim(size);
  let end = block;
  for (let i = options.commandIndex; i < argumentsGiven(); i++) end = putCopy(end, argument(i)) + 1;
  for (let i = 0; i < options.environmentCount; i++) {
    const variable = entry(i);
    if (load<u8>(variable) == 0 || isSetLater(i)) continue;
    if (isNamed(variable, cString("PATH")) && !putText2(request2, AT_2_PATH, PATH_BYTES, variable + 5)) {
      return refuse("wsh: PATH has at most 4095 bytes, this one more");
    }
    end = putCopy(end, variable) + 1;
  }
  end = putLangVariable(end);
  store<i32>(request2 + AT_2_ARGUMENT_BYTES, argumentSize);
  store<i32>(request2 + AT_2_ENVIRONMENT_BYTES, <i32>(end - block) - argumentSize);
  return end == block || seal(block, <u32>(end - block));
}

function seal(block: usize, size: u32): bool {
  const file = sealedFile(block, size);
  if (file < 0) return refuse("wsh: cannot make a file in memory for command and variables");
  store<i32>(handles, file);
  handleCount = 1;
  return true;
}

/** The variable of an --env: "NAME=VALUE", or of a NAME alone what this program has; empty if it has none. */
function entry(index: i32): usize {
  const given = environmentOption(index), own = has(given, EQUALS) ? given : entryOf(given);
  return own != 0 ? own : cString("");
}

function isSetLater(index: i32): bool {
  const variable = entry(index);
  for (let i = index + 1; i < options.environmentCount; i++) if (sameName(entry(i), variable)) return true;
  return false;
}

function sameName(a: usize, b: usize): bool {
  for (; load<u8>(a) == load<u8>(b); a++, b++) if (load<u8>(a) == EQUALS) return true;
  return false;
}

/** Whether the variable "NAME=VALUE" has this name. */
function isNamed(at: usize, name: usize): bool {
  for (; load<u8>(name) != 0; at++, name++) if (load<u8>(at) != load<u8>(name)) return false;
  return load<u8>(at) == EQUALS;
}

/** This program's own LANG, as in version 1, unless an --env sets another. */
function ownLang(): usize {
  for (let i = 0; i < options.environmentCount; i++) if (isNamed(entry(i), cString("LANG"))) return 0;
  const lang = variable("LANG");
  return lang != 0 && load<u8>(lang) != 0 ? entryOf(cString("LANG")) : 0;
}

function langBytes(): i32 { return ownLang() != 0 ? stringLength(ownLang()) + 1 : 0; }
function putLangVariable(at: usize): usize { return ownLang() != 0 ? putCopy(at, ownLang()) + 1 : at; }

/** Sends more of the request; the size when all is sent, less when the socket is full (-EAGAIN), or another errno. */
export function send2(socket: i32): i32 {
  while (sent < REQUEST_2_BYTES) {
    const wrote = sendPart(socket);
    if (wrote < 0) return wrote;
    sent += wrote;
  }
  return <i32>sent;
}

function sendPart(socket: i32): i32 {
  if (sent < VERSION_BYTES) return write(socket, request2 + sent, VERSION_BYTES - sent);
  if (sent == VERSION_BYTES) return send(socket, request2 + sent, REQUEST_2_BYTES - sent, handles, handleCount);
  return write(socket, request2 + sent, REQUEST_2_BYTES - sent);
}

/** Sends a signal to the command's process group; without a connection the command has ended, and the signal is this program's. */
export function passSignal(connection: i32, signal: i32): void {
  if (connection < 0) {
    raise(signal);
    return;
  }
  putSignal(message, signal, Target.GROUP);
  write(connection, message, SIGNAL_BYTES);
}
