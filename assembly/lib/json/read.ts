/**
 * Reads a JSON text (RFC 8259) into a list of nodes in the caller's memory. Nothing is allocated, nothing recurses.
 *
 * Strings are decoded in place, each with a NUL after its last byte, so reading destroys the text. A lone surrogate becomes
 * U+FFFD, as in Go's encoding/json; a text that is not UTF-8 is rejected. Of two members with the same name the later one
 * counts, as in Go and in JavaScript.
 *
 *   {"a": [1, 2]}     OBJECT 1 member | STRING "a" | ARRAY 2 elements | NUMBER 1 | NUMBER 2
 */
import { isDigit } from "../text";
import { JSON_NODE_BYTES, JsonKind, Node } from "./nodes";

/** Nesting of objects and arrays. */
export const JSON_DEPTH_MAX: u32 = 64;
/** Size of the longest text. */
export const JSON_BYTES_MAX: u32 = 16 << 20;

export const enum JsonError {
  NONE, END, VALUE, KEY, COLON, COMMA, STRAY, NUMBER, CONTROL, ESCAPE, UTF8, DEPTH, NODES, SIZE,
}

/** Why the last call failed, and at which byte, line and column: the byte counts from 0, the others from 1. */
export let jsonError: JsonError = JsonError.NONE;
export let jsonErrorOffset: u32 = 0;
export let jsonErrorLine: u32 = 0;
/** In characters, not bytes. */
export let jsonErrorColumn: u32 = 0;

const QUOTE: u8 = 0x22, COMMA: u8 = 0x2c, COLON: u8 = 0x3a, BACKSLASH: u8 = 0x5c, NEWLINE: u8 = 0x0a;
const ARRAY_OPEN: u8 = 0x5b, ARRAY_CLOSE: u8 = 0x5d, OBJECT_OPEN: u8 = 0x7b, OBJECT_CLOSE: u8 = 0x7d;
const REPLACEMENT: u32 = 0xfffd;

let begin: usize = 0, end: usize = 0, at: usize = 0;
let line: u32 = 1, lineBegin: usize = 0;
/** Continuation bytes in the current line. */
let continuations: u32 = 0;
let free: usize = 0, nodesEnd: usize = 0;
/** The object or array that is open, 0 for none. */
let open: usize = 0;
let depth: u32 = 0;

/**
 * Reads the text; the `size` + 1 bytes at `text` are overwritten. Returns the number of nodes, of which the first is the text's
 * value; 0 when the text is not JSON: `jsonError` has the reason.
 */
export function readJson(text: usize, size: u32, nodes: usize, nodesMax: u32): u32 {
  begin = at = lineBegin = text;
  end = text + size;
  free = nodes;
  nodesEnd = nodes + <usize>nodesMax * JSON_NODE_BYTES;
  line = 1;
  open = depth = continuations = 0;
  jsonError = JsonError.NONE;
  if (size > JSON_BYTES_MAX) return refuse(JsonError.SIZE);
  // A search for the end of a word or a number stops at this NUL.
  store<u8>(end, 0);
  let more = readValue();
  while (more) more = open == 0 ? false : readNext();
  if (jsonError == JsonError.NONE) {
    skipSpace();
    if (at < end) refuse(JsonError.STRAY);
  }
  return jsonError == JsonError.NONE ? <u32>(free - nodes) / JSON_NODE_BYTES : 0;
}

function refuse(error: JsonError): bool {
  jsonError = at >= end && error != JsonError.SIZE ? JsonError.END : error;
  jsonErrorOffset = <u32>(at - begin);
  jsonErrorLine = line;
  jsonErrorColumn = <u32>(at - lineBegin) - continuations + 1;
  return false;
}

function skipSpace(): void {
  for (let byte = load<u8>(at); byte == 0x20 || byte == NEWLINE || byte == 0x0d || byte == 0x09; byte = load<u8>(++at)) {
    if (byte != NEWLINE) continue;
    line++;
    lineBegin = at + 1;
    continuations = 0;
  }
}

/** Takes a free node; null when none is left. */
function addNode(kind: JsonKind, position: usize): Node | null {
  if (free == nodesEnd) {
    refuse(JsonError.NODES);
    return null;
  }
  const node = changetype<Node>(free);
  free += JSON_NODE_BYTES;
  node.kind = kind;
  node.size = 0;
  node.at = <u32>position;
  node.next = <u32>free;
  return node;
}

/** Reads a value; of an object or array only the opening bracket. True on success. */
function readValue(): bool {
  skipSpace();
  const byte = load<u8>(at);
  switch (byte) {
    case OBJECT_OPEN: return openContainer(JsonKind.OBJECT);
    case ARRAY_OPEN: return openContainer(JsonKind.ARRAY);
    case QUOTE: return readString();
    case 0x74: return readWord(JsonKind.TRUE, "true");
    case 0x66: return readWord(JsonKind.FALSE, "false");
    case 0x6e: return readWord(JsonKind.NULL, "null");
    default: return byte == 0x2d || isDigit(byte) ? readNumber() : refuse(JsonError.VALUE);
  }
}

function openContainer(kind: JsonKind): bool {
  if (depth == JSON_DEPTH_MAX) return refuse(JsonError.DEPTH);
  const node = addNode(kind, at);
  if (node == null) return false;
  node.next = <u32>open;
  open = changetype<usize>(node);
  depth++;
  at++;
  return true;
}

/** Continues the open object or array: its next member or element, or its end. */
function readNext(): bool {
  const container = changetype<Node>(open), isObject = container.kind == JsonKind.OBJECT;
  skipSpace();
  if (load<u8>(at) == (isObject ? OBJECT_CLOSE : ARRAY_CLOSE)) return closeContainer(container);
  if (container.size > 0) {
    if (load<u8>(at) != COMMA) return refuse(JsonError.COMMA);
    at++;
  }
  container.size++;
  return isObject && !readKey() ? false : readValue();
}

function closeContainer(container: Node): bool {
  at++;
  depth--;
  open = container.next;
  container.next = <u32>free;
  return true;
}

function readKey(): bool {
  skipSpace();
  if (load<u8>(at) != QUOTE) return refuse(JsonError.KEY);
  if (!readString()) return false;
  skipSpace();
  if (load<u8>(at) != COLON) return refuse(JsonError.COLON);
  at++;
  return true;
}

function readWord(kind: JsonKind, word: string): bool {
  const node = addNode(kind, at);
  if (node == null) return false;
  for (let i = 0; i < word.length; i++, at++) {
    if (load<u8>(at) != <u8>word.charCodeAt(i)) return refuse(JsonError.VALUE);
  }
  return true;
}

function readNumber(): bool {
  const node = addNode(JsonKind.NUMBER, at);
  if (node == null) return false;
  if (load<u8>(at) == 0x2d) at++;
  // No digit may follow a leading zero.
  if (load<u8>(at) == 0x30) at++;
  else if (!readDigits()) return false;
  if (load<u8>(at) == 0x2e) {
    at++;
    if (!readDigits()) return false;
  }
  if ((load<u8>(at) | 0x20) == 0x65) {
    at++;
    if (load<u8>(at) == 0x2b || load<u8>(at) == 0x2d) at++;
    if (!readDigits()) return false;
  }
  node.size = <u32>at - node.at;
  return true;
}

/** One digit or more. */
function readDigits(): bool {
  if (!isDigit(load<u8>(at))) return refuse(JsonError.NUMBER);
  while (isDigit(load<u8>(at))) at++;
  return true;
}

/** The address for the next decoded byte of the current string: never beyond the byte that is read. */
let put: usize = 0;

function readString(): bool {
  const node = addNode(JsonKind.STRING, ++at);
  if (node == null) return false;
  put = at;
  for (let byte = load<u8>(at); byte != QUOTE; byte = load<u8>(at)) {
    if (byte == BACKSLASH ? !readEscape() : byte < 0x80 ? !readAscii(byte) : !readCharacter(byte)) return false;
  }
  node.size = <u32>put - node.at;
  store<u8>(put, 0);
  at++;
  return true;
}

function readAscii(byte: u8): bool {
  if (byte < 0x20) return refuse(JsonError.CONTROL);
  store<u8>(put++, byte);
  at++;
  return true;
}

/** A character of several bytes, well-formed by table 3-7 of the Unicode standard. */
function readCharacter(first: u8): bool {
  const second = load<u8>(at + 1);
  let count: u32 = 0, low: u8 = 0x80, high: u8 = 0xbf;
  if (first >= 0xc2 && first <= 0xdf) count = 2;
  else if (first >= 0xe0 && first <= 0xef) count = 3;
  else if (first >= 0xf0 && first <= 0xf4) count = 4;
  if (first == 0xe0) low = 0xa0;
  if (first == 0xed) high = 0x9f;
  if (first == 0xf0) low = 0x90;
  if (first == 0xf4) high = 0x8f;
  if (count == 0 || second < low || second > high) return refuse(JsonError.UTF8);
  for (let i: u32 = 2; i < count; i++) if ((load<u8>(at + i) & 0xc0) != 0x80) return refuse(JsonError.UTF8);
  for (let i: u32 = 0; i < count; i++) store<u8>(put++, load<u8>(at++));
  continuations += count - 1;
  return true;
}

function readEscape(): bool {
  at++;
  const letter = load<u8>(at);
  let byte: u8 = letter;
  switch (letter) {
    case QUOTE: case BACKSLASH: case 0x2f: break;
    case 0x62: byte = 0x08; break;
    case 0x66: byte = 0x0c; break;
    case 0x6e: byte = NEWLINE; break;
    case 0x72: byte = 0x0d; break;
    case 0x74: byte = 0x09; break;
    case 0x75: return readUnicodeEscape();
    default: return refuse(JsonError.ESCAPE);
  }
  store<u8>(put++, byte);
  at++;
  return true;
}

function readUnicodeEscape(): bool {
  at++;
  const unit = readHexUnit();
  if (unit < 0) return false;
  if ((unit & 0xf800) != 0xd800) return putCharacter(unit);
  // A low surrogate must follow a high one.
  if ((unit & 0x0400) != 0 || load<u8>(at) != BACKSLASH || load<u8>(at + 1) != 0x75) return putCharacter(REPLACEMENT);
  const behind = at;
  at += 2;
  const low = readHexUnit();
  if (low < 0) return false;
  if ((low & 0xfc00) == 0xdc00) return putCharacter(0x10000 + ((unit & 0x3ff) << 10) + (low & 0x3ff));
  at = behind;
  return putCharacter(REPLACEMENT);
}

/** Reads four hexadecimal digits; -1 if there are other characters. */
function readHexUnit(): i32 {
  let value = 0;
  for (let i = 0; i < 4; i++, at++) {
    const byte = load<u8>(at), letter: u8 = byte | 0x20;
    if (!isDigit(byte) && (letter < 0x61 || letter > 0x66)) {
      refuse(JsonError.ESCAPE);
      return -1;
    }
    value = value << 4 | (isDigit(byte) ? byte - 0x30 : letter - 0x57);
  }
  return value;
}

function putCharacter(code: u32): bool {
  if (code < 0x80) store<u8>(put++, <u8>code);
  else if (code < 0x800) store<u8>(put++, <u8>(0xc0 | code >> 6));
  else if (code < 0x10000) store<u8>(put++, <u8>(0xe0 | code >> 12));
  else store<u8>(put++, <u8>(0xf0 | code >> 18));
  if (code >= 0x10000) store<u8>(put++, <u8>(0x80 | (code >> 12 & 0x3f)));
  if (code >= 0x800) store<u8>(put++, <u8>(0x80 | (code >> 6 & 0x3f)));
  if (code >= 0x80) store<u8>(put++, <u8>(0x80 | (code & 0x3f)));
  return true;
}

/** A description of the error, for messages. */
export function jsonErrorWords(): string {
  switch (jsonError) {
    case JsonError.END: return "the text ends too early";
    case JsonError.VALUE: return "a value is expected";
    case JsonError.KEY: return "the name of a member is expected, in double quotes";
    case JsonError.COLON: return "a colon is expected";
    case JsonError.COMMA: return "a comma or the end of the object or array is expected";
    case JsonError.STRAY: return "something follows the value";
    case JsonError.NUMBER: return "a digit is expected";
    case JsonError.CONTROL: return "a string has a control character";
    case JsonError.ESCAPE: return "a string has an unknown escape";
    case JsonError.UTF8: return "a string is not UTF-8";
    case JsonError.DEPTH: return "more than 64 objects and arrays are inside each other";
    case JsonError.NODES: return "the text has more values than there is memory for";
    case JsonError.SIZE: return "the text is longer than 16 MiB";
    default: return "";
  }
}
