/**
 * Makes filters of system calls out of profiles, for `wshd --filter`: the sandbox for profiles that others wrote. default.json is
 * the profile of containers. TypeScript and the build load this module; no program does.
 */
import "../lib/abort";
import { capabilityName as nameOfCapability, CAPABILITIES, capabilityNumber as numberOfCapability } from "../lib/capabilities";
import { JSON_NODE_BYTES } from "../lib/json/nodes";
import { jsonErrorColumn, jsonErrorLine, jsonErrorWords, readJson } from "../lib/json/read";
import { compileSeccomp, INSTRUCTION_BYTES, seccompErrorWords, seccompFlags } from "../lib/seccomp/index";
import { setConditions } from "../lib/seccomp/conditions";
import { putDigits, putText } from "../lib/text";
import { FILTER_BYTES_MAX, FILTER_HEADER_BYTES, FILTER_INSTRUCTIONS_MAX, filterInstructions, putFilterHeader } from "../wire/filter";

const TEXT_BYTES: u32 = 1 << 20, NODES_MAX: u32 = 1 << 17, WORDS_BYTES: u32 = 256;
const text = memory.data(TEXT_BYTES + 8), nodes = memory.data(NODES_MAX * JSON_NODE_BYTES, 8), words = memory.data(WORDS_BYTES);
const filter = memory.data(FILTER_BYTES_MAX, 8);
let wordsEnd: usize = 0;

/** Where a profile, or a capability's name, is put. */
export function textAt(): usize { return text; }
export function textBytes(): u32 { return TEXT_BYTES; }

/**
 * Makes the filter of the profile that is the first `size` bytes of the text: its bytes, at `filterAt()`; 0 when there is none, and
 * `wordsAt()` says why. `architecture` is the machine's AUDIT_ARCH_, `capabilities` the bounding set that conditions are judged by.
 */
export function makeFilter(size: u32, architecture: u32, capabilities: u64): u32 {
  wordsEnd = words;
  if (readJson(text, size, nodes, NODES_MAX) == 0) return refuseJson();
  setConditions(capabilities);
  const count = compileSeccomp(nodes, architecture, filterInstructions(filter), FILTER_INSTRUCTIONS_MAX);
  if (count == 0) {
    wordsEnd = putText(words, seccompErrorWords());
    return 0;
  }
  putFilterHeader(filter, seccompFlags);
  return FILTER_HEADER_BYTES + count * INSTRUCTION_BYTES;
}

function refuseJson(): u32 {
  let end = putDigits(putText(putText(words, jsonErrorWords()), " in line "), jsonErrorLine);
  end = putDigits(putText(end, ", column "), jsonErrorColumn);
  wordsEnd = end;
  return 0;
}

export function filterAt(): usize { return filter; }
export function wordsAt(): usize { return words; }
export function wordsSize(): u32 { return <u32>(wordsEnd - words); }

export function capabilities(): u32 { return CAPABILITIES; }
/** The number of the capability whose name the first `size` bytes of the text are; -1 for none. */
export function capabilityNumber(size: u32): i32 { return numberOfCapability(text, size); }
/** Puts a capability's name, without CAP_, at `wordsAt()`: its size. */
export function capabilityName(number: u32): u32 { return nameOfCapability(number, words); }
