/** assembly/lib/json as a module: a test puts a text in, and looks at the nodes. */
import "../../../assembly/lib/abort";
export {
  jsonKind, jsonCount, jsonText, jsonSize, jsonFirst, jsonNext, jsonValue, jsonIsCString, jsonIsU64, jsonIsI64, jsonU64, jsonI64,
} from "../../../assembly/lib/json/nodes";
export { readJson } from "../../../assembly/lib/json/read";
import { JSON_NODE_BYTES, jsonMember, jsonText } from "../../../assembly/lib/json/nodes";
import {
  jsonError, jsonErrorColumn, jsonErrorLine, jsonErrorOffset, jsonErrorWords, readJson,
} from "../../../assembly/lib/json/read";
import { putText } from "../../../assembly/lib/text";

/** Where a text goes. */
export const TEXT_BYTES: u32 = 1 << 20;
export const NODES: u32 = 1 << 16;
const text = memory.data((1 << 20) + 1, 8);
const nodes = memory.data(1 << 20, 8);
if (TEXT_BYTES != 1 << 20 || NODES * JSON_NODE_BYTES != 1 << 20) ERROR("text and nodes have another size");
const words = memory.data(128);

export function textAt(): usize { return text; }
export function nodesAt(): usize { return nodes; }
export function read(size: u32): u32 { return readJson(text, size, nodes, NODES); }

export function error(): i32 { return jsonError; }
export function errorOffset(): u32 { return jsonErrorOffset; }
export function errorLine(): u32 { return jsonErrorLine; }
export function errorColumn(): u32 { return jsonErrorColumn; }
/** Writes the reason; its length. */
export function errorWords(): u32 { return <u32>(putText(words, jsonErrorWords()) - words); }
export function wordsAt(): usize { return words; }

/** The member whose name is "key". */
export function key(object: usize): usize { return jsonMember(object, "key"); }
export function textOf(node: usize): usize { return jsonText(node); }
