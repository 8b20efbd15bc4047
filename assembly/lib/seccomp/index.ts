/**
 * Compiles the seccomp profile of an OCI config.json (linux.seccomp) to a filter for seccomp(2).
 *
 *   architecture? -> number, by binary search in ranges with one verdict each -> verdict, or the call's rules
 *
 * The stated order: a rule without comparisons decides, whatever else there is for its call, of several the first; else the
 * rules are tried in the profile's order. A rule whose action is the default one is left out, as in runc. A call of an
 * architecture that is not listed ends the process. Names that Linux does not have are passed over. A profile of container
 * engines, which has conditions (conditions.ts), is one once `setConditions` says what they are judged by.
 */
import {
  JsonKind, jsonCount, jsonFirst, jsonIs, jsonIsU64, jsonKind, jsonMember, jsonNext, jsonSize, jsonText, jsonU64,
} from "../json/nodes";
import {
  beginProgram, DATA_ARCHITECTURE, DATA_NUMBER, emit, instructions, JUMP, JUMP_AT_LEAST, JUMP_EQUAL, LOAD, programFits, RETURN,
} from "./bpf";
import { applies, forgetConditions, isConditional, subArchitecture } from "./conditions";
import { callNumber, CallTable, findCall } from "./names";
import { comparisonCount, comparisonsAreGood, emitRule, ruleSize } from "./rules";

export { INSTRUCTION_BYTES, INSTRUCTIONS_MAX } from "./bpf";

/** AUDIT_ARCH_ of linux/audit.h. */
export const ARCHITECTURE_X86_64: u32 = 0xc000_003e, ARCHITECTURE_I386: u32 = 0x4000_0003, ARCHITECTURE_AARCH64: u32 = 0xc000_00b7;
export const ARCHITECTURE_RISCV64: u32 = 0xc000_00f3;

export const enum SeccompError { NONE, DEFAULT_ACTION, ACTION, ERRNO, NOTIFY, SHAPE, COMPARISON, FLAG, TOO_MANY, TOO_LONG }
export let seccompError: SeccompError = SeccompError.NONE;
/** SECCOMP_FILTER_FLAG_ of the last compiled profile. */
export let seccompFlags: u32 = 0;

const KILL_PROCESS: u32 = 0x8000_0000, KILL_THREAD: u32 = 0, TRAP: u32 = 0x0003_0000, RETURN_ERRNO: u32 = 0x0005_0000;
const TRACE: u32 = 0x7ff0_0000, LOG: u32 = 0x7ffc_0000, ALLOW: u32 = 0x7fff_0000;
const EPERM: u32 = 1, ERRNO_MAX: u64 = 4095;
const X32_BIT: u32 = 0x4000_0000;
/** System call numbers are below this on every architecture. */
const NUMBERS: u32 = 1024;
const TABLES: u32 = 2, RULES_MAX: u32 = 8192, RANGES_MAX: u32 = 4200;

/** The first and the last rule of each number; x32 has a part of the tables of its own. */
const heads = memory.data(NUMBERS * TABLES * 4, 4), tails = memory.data(NUMBERS * TABLES * 4, 4);
const RULE_BYTES: u32 = 8, RANGE_BYTES: u32 = 12;
/** The rule's node, then the next rule of the same number. */
const rules = memory.data(RULES_MAX * RULE_BYTES, 4);
/** The beginning of each range, its action, and its first rule if the rules compare arguments. Ranges of x32 begin at X32_BIT. */
const ranges = memory.data(RANGES_MAX * RANGE_BYTES, 4);
if (RANGES_MAX < (2 * NUMBERS + 2) * TABLES) ERROR("each number may be a range of its own");
let ruleCount: u32 = 0, rangeCount: u32 = 0;
let defaultAction: u32 = 0;
/** The current architecture has arguments of 64 bits (except in x32 calls). */
let isWide: bool = false;

function refuse(error: SeccompError): bool {
  seccompError = error;
  return false;
}

/**
 * Writes the filter of a profile at `program`; returns the number of instructions. 0 when the profile cannot be compiled:
 * `seccompError` has the reason. `native` is the machine's architecture.
 */
export function compileSeccomp(profile: usize, native: u32, program: usize, instructionsMax: u32): u32 {
  seccompError = SeccompError.NONE;
  beginProgram(program, instructionsMax);
  if (!readDefaults(profile) || !readFlags(jsonMember(profile, "flags"))) return 0;
  emit(LOAD, DATA_ARCHITECTURE);
  const isX86 = native == ARCHITECTURE_X86_64, both = isX86 && lists(profile, "SCMP_ARCH_X86");
  if (!compileArchitecture(profile, native)) return 0;
  if (both && !compileArchitecture(profile, ARCHITECTURE_I386)) return 0;
  forgetConditions();
  emit(RETURN, KILL_PROCESS);
  return programFits() ? instructions() : <u32>refuse(SeccompError.TOO_LONG);
}

function readDefaults(profile: usize): bool {
  if (jsonKind(profile) != JsonKind.OBJECT) return refuse(SeccompError.SHAPE);
  if (jsonMember(profile, "defaultAction") == 0) return refuse(SeccompError.DEFAULT_ACTION);
  if (!actionIsGood(jsonMember(profile, "defaultAction"), jsonMember(profile, "defaultErrnoRet"))) return false;
  defaultAction = actionOf(jsonMember(profile, "defaultAction"), jsonMember(profile, "defaultErrnoRet"));
  return true;
}

/** SECCOMP_FILTER_FLAG_ of seccomp(2). */
function readFlags(list: usize): bool {
  seccompFlags = 0;
  let flag = jsonFirst(list);
  for (let i = jsonCount(list); i > 0; i--, flag = jsonNext(flag)) {
    if (jsonIs(flag, "SECCOMP_FILTER_FLAG_TSYNC")) seccompFlags |= 1;
    else if (jsonIs(flag, "SECCOMP_FILTER_FLAG_LOG")) seccompFlags |= 2;
    else if (jsonIs(flag, "SECCOMP_FILTER_FLAG_SPEC_ALLOW")) seccompFlags |= 4;
    // Only useful with a listener, which is not supported.
    else if (!jsonIs(flag, "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV")) return refuse(SeccompError.FLAG);
  }
  return true;
}

function lists(profile: usize, architecture: string): bool {
  const list = jsonMember(profile, "architectures");
  let node = jsonFirst(list);
  for (let i = jsonCount(list); i > 0; i--, node = jsonNext(node)) if (jsonIs(node, architecture)) return true;
  return isConditional() && subArchitecture(profile, architecture);
}

function actionIsGood(action: usize, errno: usize): bool {
  if (jsonIs(action, "SCMP_ACT_NOTIFY")) return refuse(SeccompError.NOTIFY);
  if (jsonKind(errno) != JsonKind.NULL && (!jsonIsU64(errno) || jsonU64(errno) > ERRNO_MAX)) return refuse(SeccompError.ERRNO);
  return isAction(action) ? true : refuse(SeccompError.ACTION);
}

function isAction(action: usize): bool {
  return actionOf(action, 0) != KILL_THREAD || jsonIs(action, "SCMP_ACT_KILL") || jsonIs(action, "SCMP_ACT_KILL_THREAD");
}

/** SECCOMP_RET_ of linux/seccomp.h, for an action that `actionIsGood` accepts. */
function actionOf(action: usize, errno: usize): u32 {
  const number: u32 = jsonKind(errno) == JsonKind.NULL ? EPERM : <u32>jsonU64(errno);
  if (jsonIs(action, "SCMP_ACT_ALLOW")) return ALLOW;
  if (jsonIs(action, "SCMP_ACT_ERRNO")) return RETURN_ERRNO | number;
  if (jsonIs(action, "SCMP_ACT_KILL_PROCESS")) return KILL_PROCESS;
  if (jsonIs(action, "SCMP_ACT_TRAP")) return TRAP;
  if (jsonIs(action, "SCMP_ACT_TRACE")) return TRACE | number;
  return jsonIs(action, "SCMP_ACT_LOG") ? LOG : KILL_THREAD;
}

function ruleAction(rule: usize): u32 { return actionOf(jsonMember(rule, "action"), jsonMember(rule, "errnoRet")); }

// --- one architecture: its rules by number, its ranges, its search tree

function tableOf(architecture: u32): CallTable {
  if (architecture == ARCHITECTURE_X86_64) return CallTable.X86_64;
  if (architecture == ARCHITECTURE_I386) return CallTable.X86;
  return architecture == ARCHITECTURE_RISCV64 ? CallTable.RISCV64 : CallTable.AARCH64;
}

function compileArchitecture(profile: usize, architecture: u32): bool {
  const table = tableOf(architecture);
  const hasX32 = table == CallTable.X86_64 && lists(profile, "SCMP_ARCH_X32");
  if (!sortRules(jsonMember(profile, "syscalls"), table, hasX32)) return false;
  rangeCount = 0;
  isWide = table != CallTable.X86;
  addRange(0, defaultAction, 0);
  addNumbers(0, 0);
  if (table == CallTable.X86_64) {
    addRange(X32_BIT, hasX32 ? defaultAction : KILL_PROCESS, 0);
    if (hasX32) addNumbers(X32_BIT, NUMBERS);
    // The number that a tracer sets in place of a call that it skips.
    addRange(u32.MAX_VALUE, defaultAction, 0);
  }
  const size = treeSize(0, rangeCount) + 1;
  emit(JUMP_EQUAL, architecture, 1, 0);
  emit(JUMP, size);
  emit(LOAD, DATA_NUMBER);
  emitTree(0, rangeCount);
  return true;
}

function sortRules(list: usize, table: CallTable, hasX32: bool): bool {
  memory.fill(heads, 0, TABLES * NUMBERS * 4);
  ruleCount = 0;
  if (jsonKind(list) != JsonKind.NULL && jsonKind(list) != JsonKind.ARRAY) return refuse(SeccompError.SHAPE);
  let rule = jsonFirst(list);
  for (let i = jsonCount(list); i > 0; i--, rule = jsonNext(rule)) {
    const names = jsonMember(rule, "names");
    if (jsonKind(names) != JsonKind.ARRAY) return refuse(SeccompError.SHAPE);
    if (!actionIsGood(jsonMember(rule, "action"), jsonMember(rule, "errnoRet"))) return false;
    if (isConditional() && jsonMember(rule, "errno") != 0 && jsonMember(rule, "errnoRet") == 0) return refuse(SeccompError.ERRNO);
    if (!comparisonsAreGood(rule)) return refuse(SeccompError.COMPARISON);
    if (isConditional() && !applies(rule, table)) continue;
    if (ruleAction(rule) == defaultAction) continue;
    let name = jsonFirst(names);
    for (let j = jsonCount(names); j > 0; j--, name = jsonNext(name)) {
      if (jsonKind(name) != JsonKind.STRING) return refuse(SeccompError.SHAPE);
      const call = findCall(jsonText(name), jsonSize(name));
      if (call < 0) continue;
      if (!addRule(rule, callNumber(call, table), 0)) return false;
      if (hasX32 && !addRule(rule, callNumber(call, CallTable.X32), NUMBERS)) return false;
    }
  }
  return true;
}

/** Appends a rule to those of its number; `from` is the index at which the table of its numbers begins. */
function addRule(rule: usize, number: i32, from: u32): bool {
  if (number < 0) return true;
  assert(<u32>number < NUMBERS, "a system call whose number the tables do not have");
  if (ruleCount == RULES_MAX) return refuse(SeccompError.TOO_MANY);
  const place: usize = (from + number) * 4, entry = rules + ruleCount++ * RULE_BYTES;
  store<u32>(entry, <u32>rule);
  store<u32>(entry + 4, 0);
  if (load<u32>(heads + place) == 0) store<u32>(heads + place, <u32>entry);
  else store<u32>(<usize>load<u32>(tails + place) + 4, <u32>entry);
  store<u32>(tails + place, <u32>entry);
  return true;
}

/** Adds the ranges of a table's numbers, and the range after them. */
function addNumbers(base: u32, from: u32): void {
  for (let number: u32 = 0; number < NUMBERS; number++) {
    const head: usize = load<u32>(heads + (from + number) * 4);
    const deciding = withoutComparisons(head);
    if (deciding != 0) addRange(base + number, ruleAction(load<u32>(deciding)), 0);
    else addRange(base + number, defaultAction, head);
  }
  addRange(base + NUMBERS, defaultAction, 0);
}

function withoutComparisons(head: usize): usize {
  for (let entry = head; entry != 0; entry = load<u32>(entry + 4)) if (comparisonCount(load<u32>(entry)) == 0) return entry;
  return 0;
}

/** Begins a range, which extends to the next one. A range with the same verdict as the last one continues that one. */
function addRange(begin: u32, action: u32, head: usize): void {
  const last = ranges + (rangeCount - 1) * RANGE_BYTES;
  if (rangeCount > 0 && head == 0 && load<u32>(last + 8) == 0 && load<u32>(last + 4) == action) return;
  // A range that begins at the same number replaces the last one.
  if (rangeCount > 0 && load<u32>(last) == begin) rangeCount--;
  assert(rangeCount < RANGES_MAX, "more ranges than numbers");
  const range = ranges + rangeCount++ * RANGE_BYTES;
  store<u32>(range, begin);
  store<u32>(range + 4, action);
  store<u32>(range + 8, <u32>head);
}

/** Whether the calls of a range have arguments of 64 bits. */
function rangeIsWide(at: usize): bool { return isWide && load<u32>(at) < X32_BIT; }

function rangeSize(range: u32): u32 {
  const at = ranges + range * RANGE_BYTES, wide = rangeIsWide(at);
  let size: u32 = 1;
  for (let entry: usize = load<u32>(at + 8); entry != 0; entry = load<u32>(entry + 4)) size += ruleSize(load<u32>(entry), wide);
  return size;
}

function middleOf(from: u32, count: u32): u32 { return from + (count >> 1); }

/** Number of instructions of a search tree for `count` ranges. Its depth is the number of binary digits of `count`. */
function treeSize(from: u32, count: u32): u32 {
  if (count == 1) return rangeSize(from);
  const lower = treeSize(from, count >> 1);
  return 1 + (lower > 255 ? 1 : 0) + lower + treeSize(middleOf(from, count), count - (count >> 1));
}

function emitTree(from: u32, count: u32): void {
  if (count == 1) return emitRange(from);
  const middle = middleOf(from, count), lower = treeSize(from, count >> 1), begin = load<u32>(ranges + middle * RANGE_BYTES);
  if (lower > 255) {
    emit(JUMP_AT_LEAST, begin, 0, 1);
    emit(JUMP, lower);
  } else emit(JUMP_AT_LEAST, begin, lower, 0);
  emitTree(from, count >> 1);
  emitTree(middle, count - (count >> 1));
}

function emitRange(range: u32): void {
  const at = ranges + range * RANGE_BYTES, wide = rangeIsWide(at);
  for (let entry: usize = load<u32>(at + 8); entry != 0; entry = load<u32>(entry + 4)) {
    const rule: usize = load<u32>(entry);
    emitRule(rule, ruleAction(rule), wide);
  }
  emit(RETURN, load<u32>(at + 4));
}

/** A description of the error, for messages. */
export function seccompErrorWords(): string {
  switch (seccompError) {
    case SeccompError.DEFAULT_ACTION: return "defaultAction is missing";
    case SeccompError.ACTION: return "an action is not one of SCMP_ACT_KILL, KILL_THREAD, KILL_PROCESS, TRAP, ERRNO, TRACE, ALLOW, LOG";
    case SeccompError.ERRNO: return "an errnoRet is not a number from 0 to 4095";
    case SeccompError.NOTIFY: return "SCMP_ACT_NOTIFY is not supported";
    case SeccompError.SHAPE: return "syscalls is not a list of objects with names and an action";
    case SeccompError.COMPARISON: return "args has a comparison without index (0 to 5), value or a known op, or more than 32 of them";
    case SeccompError.FLAG: return "a flag is unknown";
    case SeccompError.TOO_MANY: return "the profile names more than 8192 system calls";
    case SeccompError.TOO_LONG: return "the filter has more than 4096 instructions";
    default: return "";
  }
}
