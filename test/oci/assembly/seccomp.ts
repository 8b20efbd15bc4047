/** assembly/lib/seccomp as a module: a profile in, a filter out. */
import "../../../assembly/lib/abort";
import { JSON_NODE_BYTES } from "../../../assembly/lib/json/nodes";
import { readJson } from "../../../assembly/lib/json/read";
import { compileSeccomp, INSTRUCTION_BYTES, seccompErrorWords, seccompFlags } from "../../../assembly/lib/seccomp/index";
import { callNumber, findCall } from "../../../assembly/lib/seccomp/names";
import { putText } from "../../../assembly/lib/text";

const NODES: u32 = 1 << 16;
const text = memory.data((1 << 20) + 1, 8), nodes = memory.data(1 << 20, 8);
const PROGRAM_MAX: u32 = 4096;
const program = memory.data(4096 * 8, 8);
if (NODES * JSON_NODE_BYTES != 1 << 20 || PROGRAM_MAX * INSTRUCTION_BYTES != 4096 * 8) ERROR("the tables have another size");
const words = memory.data(128);

export function textAt(): usize { return text; }
export function programAt(): usize { return program; }
export function wordsAt(): usize { return words; }

/** Instructions of the profile's filter; 0 when it has none, and -1 when it is not JSON. */
export function compile(size: u32, native: u32, most: u32): i32 {
  return readJson(text, size, nodes, NODES) == 0 ? -1 : compileSeccomp(nodes, native, program, most);
}
export function errorWords(): u32 { return <u32>(putText(words, seccompErrorWords()) - words); }
export function flags(): u32 { return seccompFlags; }
/** The number of the call whose name is in `textAt()`. */
export function numberOf(size: u32, table: i32): i32 {
  const call = findCall(text, size);
  return call < 0 ? -1 : callNumber(call, table);
}
