/**
 * The client's side of protocol 2: the request with its block, and signals. docs/reference/protocol.md §6
 */
import { close, raise, sealedFile, send, write } from "../../boundary/shim";
import { claim } from "../../boundary/wasi";
import { EAGAIN } from "../../lib/errno";
import { cString, isDigit, putCopy, stringLength } from "../../lib/text";
import { ARGUMENTS_BYTES, USER_BYTES } from "../../wire/request";
import {
  AT_2_ARGUMENT_BYTES, AT_2_COLUMNS, AT_2_COMMAND, AT_2_DIRECTORY, AT_2_ENVIRONMENT_BYTES, AT_2_PATH, AT_2_ROWS, AT_2_TTY, AT_2_UMASK,
  AT_2_USER, beginRequest2, BLOCK_BYTES_MAX, PATH_BYTES, putText2, REQUEST_2_BYTES, USER_2_BYTES,
} from "../../wire/request-2";
import { putSignal, SIGNAL_BYTES, Target } from "../../wire/signal";
import { options } from "./options";
import { refuse } from "./problem";
import { firstSize } from "./stdio";
import { collectVariables, valueOf, variableAt, variableBytes, variableCount } from "./variables";
import { userName, word, wordBytes, wordCount } from "./words";

const COLON: u8 = 0x3a, COMMA: u8 = 0x2c;
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
  if (userName() != 0 && !isNameOf1(userName())) return cString("such a --user");
  return wordBytes() > <i32>ARGUMENTS_BYTES ? cString("more than 8192 bytes of arguments") : 0;
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

/** Composes the request and its block; false: see problem.ts. Limits are put into `request2` by the caller. */
export function compose2(interactive: bool): bool {
  beginRequest2(request2);
  store<i32>(request2 + AT_2_TTY, interactive);
  store<i32>(request2 + AT_2_ROWS, firstSize.rows);
  store<i32>(request2 + AT_2_COLUMNS, firstSize.columns);
  if (options.umask >= 0) store<i32>(request2 + AT_2_UMASK, options.umask);
  const user = userName(), command = word(0);
  if (user != 0 && !putText2(request2, AT_2_USER, USER_2_BYTES, user)) return refuse("wsh: --user has at most 1023 bytes, this one more:", user);
  if (options.directory != 0 && !putText2(request2, AT_2_DIRECTORY, PATH_BYTES, options.directory)) return refuse("wsh: --workdir has at most 4095 bytes, this one more:", options.directory);
  if (wordCount() > 0 && !putText2(request2, AT_2_COMMAND, PATH_BYTES, command)) return refuse("wsh: the name of a command has at most 4095 bytes, this one more:", command);
  return composeBlock();
}

function composeBlock(): bool {
  const argumentSize = wordBytes();
  collectVariables();
  const environmentSize = variableBytes(), size = argumentSize + environmentSize;
  if (size > BLOCK_BYTES_MAX) return refuse("wsh: command and variables take more than the 6 MiB that a request holds");
  const path = valueOf("PATH");
  if (path != 0 && !putText2(request2, AT_2_PATH, PATH_BYTES, path)) return refuse("wsh: PATH has at most 4095 bytes, this one more");
  const block = claim(size);
  let end = block;
  for (let i = 0; i < wordCount(); i++) end = putCopy(end, word(i)) + 1;
  for (let i = 0; i < variableCount(); i++) end = putCopy(end, variableAt(i)) + 1;
  store<i32>(request2 + AT_2_ARGUMENT_BYTES, argumentSize);
  store<i32>(request2 + AT_2_ENVIRONMENT_BYTES, environmentSize);
  return size == 0 || seal(block, size);
}

function seal(block: usize, size: u32): bool {
  const file = sealedFile(block, size);
  if (file < 0) return refuse("wsh: cannot make a file in memory for command and variables", 0, file);
  store<i32>(handles, file);
  handleCount = 1;
  return true;
}

/** Sends more of the request; the size when all is sent, less when the socket is full (-EAGAIN), or another errno. */
export function send2(socket: i32): i32 {
  while (sent < REQUEST_2_BYTES) {
    const wrote = sendPart(socket);
    if (wrote < 0) return wrote;
    sent += wrote;
  }
  if (handleCount > 0) close(load<i32>(handles));
  handleCount = 0;
  return <i32>sent;
}

function sendPart(socket: i32): i32 {
  if (sent < VERSION_BYTES) return write(socket, request2 + sent, VERSION_BYTES - sent);
  if (sent == VERSION_BYTES) return send(socket, request2 + sent, REQUEST_2_BYTES - sent, handles, handleCount);
  return write(socket, request2 + sent, REQUEST_2_BYTES - sent);
}

/** Sends a signal to the command's process group; without a connection there is no command, and the signal is this program's. */
export function passSignal(connection: i32, signal: i32): void {
  if (connection < 0) {
    raise(signal);
    return;
  }
  sendSignalTo(connection, signal, Target.GROUP);
}

/** Whether the whole message was sent. A part of one can only be if more signals wait than a socket holds. */
export function sendSignalTo(connection: i32, signal: i32, target: Target): bool {
  putSignal(message, signal, target);
  return write(connection, message, SIGNAL_BYTES) == SIGNAL_BYTES;
}
