/** The nodes of a JSON text that read.ts has read, and functions that query them. */
import { isDigit } from "../text";

export const enum JsonKind { NULL, FALSE, TRUE, NUMBER, STRING, ARRAY, OBJECT }

/** A node in memory. Its fields are for the functions below and for read.ts. */
@unmanaged export class Node {
  kind: u32;
  /** Number of bytes of a string or a number; of members of an object; of elements of an array. */
  size: u32;
  /** Address of the text of a string or a number. */
  at: u32;
  /** The node after the last one inside; while the object or array is open, the enclosing one. */
  next: u32;
}
/** Size of a node. */
export const JSON_NODE_BYTES: u32 = 16;
if (offsetof<Node>() != JSON_NODE_BYTES) ERROR("a node has another size");

// --- queries. A node is represented by its address; 0 is no node, and has the kind NULL.

// @ts-ignore: decorator
@inline function nodeAt(node: usize): Node { return changetype<Node>(node); }

export function jsonKind(node: usize): JsonKind { return node == 0 ? JsonKind.NULL : nodeAt(node).kind; }
/** Number of members of an object, or of elements of an array; 0 for other kinds. */
export function jsonCount(node: usize): u32 { return jsonKind(node) >= JsonKind.ARRAY ? nodeAt(node).size : 0; }
/** A string's bytes, with a NUL at the end; a number's text. */
export function jsonText(node: usize): usize { return nodeAt(node).at; }
export function jsonSize(node: usize): u32 { return nodeAt(node).size; }
/** The first element of an array, or the name of an object's first member. Exists only if `jsonCount` is not 0. */
export function jsonFirst(node: usize): usize { return node + JSON_NODE_BYTES; }
/** The node after this one and all its descendants: after an element the next one, after a member's value the next name. */
export function jsonNext(node: usize): usize { return nodeAt(node).next; }
/** The value of a member, by the node of its name. */
export function jsonValue(name: usize): usize { return name + JSON_NODE_BYTES; }

/** The value of an object's member; 0 if there is none, or the node is not an object. */
export function jsonMember(object: usize, name: string): usize {
  let found: usize = 0;
  if (jsonKind(object) != JsonKind.OBJECT) return found;
  let key = jsonFirst(object);
  for (let i = jsonCount(object); i > 0; i--, key = jsonNext(jsonValue(key))) if (jsonIs(key, name)) found = jsonValue(key);
  return found;
}

/** Whether the node is this string. */
export function jsonIs(node: usize, ascii: string): bool {
  if (jsonKind(node) != JsonKind.STRING || jsonSize(node) != <u32>ascii.length) return false;
  const text = jsonText(node);
  for (let i = 0; i < ascii.length; i++) if (load<u8>(text + i) != <u8>ascii.charCodeAt(i)) return false;
  return true;
}

/** Whether the node is a string without a NUL, which the kernel can take as a string. */
export function jsonIsCString(node: usize): bool {
  if (jsonKind(node) != JsonKind.STRING) return false;
  const text = jsonText(node);
  for (let i: u32 = 0; i < jsonSize(node); i++) if (load<u8>(text + i) == 0) return false;
  return true;
}

/** Whether the node is a whole number, written without a fraction or an exponent, from `low` to 2^64 - 1. */
function isWhole(node: usize, negative: bool): bool {
  if (jsonKind(node) != JsonKind.NUMBER) return false;
  let text = jsonText(node);
  const textEnd = text + jsonSize(node), minus = load<u8>(text) == 0x2d;
  if (minus && !negative) return false;
  let value: u64 = 0;
  for (text += minus ? 1 : 0; text < textEnd; text++) {
    const byte = load<u8>(text);
    if (!isDigit(byte)) return false;
    if (value > (u64.MAX_VALUE - (byte - 0x30)) / 10) return false;
    value = value * 10 + (byte - 0x30);
  }
  return !negative || value <= <u64>i64.MAX_VALUE + (minus ? 1 : 0);
}

function wholeOf(node: usize): u64 {
  let value: u64 = 0;
  const textEnd = jsonText(node) + jsonSize(node);
  for (let text = jsonText(node); text < textEnd; text++) {
    const byte = load<u8>(text);
    if (isDigit(byte)) value = value * 10 + (byte - 0x30);
  }
  return load<u8>(jsonText(node)) == 0x2d ? 0 - value : value;
}

export function jsonIsU64(node: usize): bool { return isWhole(node, false); }
export function jsonIsI64(node: usize): bool { return isWhole(node, true); }
/** Only for a node for which `jsonIsU64` is true. */
export function jsonU64(node: usize): u64 { return wholeOf(node); }
/** Only for a node for which `jsonIsI64` is true. */
export function jsonI64(node: usize): i64 { return <i64>wholeOf(node); }
