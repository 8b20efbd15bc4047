/**
 * The rules of a profile for one system call, and their instructions. A rule holds when all its comparisons hold. The first rule that
 * holds decides; if none holds, the profile's default action does.
 */
import { JsonKind, jsonCount, jsonFirst, jsonIs, jsonIsU64, jsonKind, jsonMember, jsonNext, jsonU64 } from "../json/nodes";
import { AND, dataHigh, dataLow, emit, JUMP_AT_LEAST, JUMP_EQUAL, JUMP_GREATER, LOAD, RETURN } from "./bpf";

export const ARGUMENTS: u32 = 6;
const COMPARISONS_MAX: u32 = 32;

/**
 * EQUAL … MASKED_EQUAL are unsigned: seccomp_rule_add(3). On an architecture of 32 bits, and for x32, they compare only the lower
 * halves of the argument and of the value, as libseccomp does.
 */
export const enum Compare { NONE, EQUAL, NOT_EQUAL, LESS, AT_MOST, GREATER, AT_LEAST, MASKED_EQUAL }

export function compareOf(node: usize): Compare {
  if (jsonIs(node, "SCMP_CMP_EQ")) return Compare.EQUAL;
  if (jsonIs(node, "SCMP_CMP_NE")) return Compare.NOT_EQUAL;
  if (jsonIs(node, "SCMP_CMP_LT")) return Compare.LESS;
  if (jsonIs(node, "SCMP_CMP_LE")) return Compare.AT_MOST;
  if (jsonIs(node, "SCMP_CMP_GT")) return Compare.GREATER;
  if (jsonIs(node, "SCMP_CMP_GE")) return Compare.AT_LEAST;
  return jsonIs(node, "SCMP_CMP_MASKED_EQ") ? Compare.MASKED_EQUAL : Compare.NONE;
}

/** Whether all comparisons of a rule are valid. */
export function comparisonsAreGood(rule: usize): bool {
  const list = jsonMember(rule, "args");
  if (jsonKind(list) == JsonKind.NULL) return true;
  if (jsonKind(list) != JsonKind.ARRAY || jsonCount(list) > COMPARISONS_MAX) return false;
  let node = jsonFirst(list);
  for (let i = jsonCount(list); i > 0; i--, node = jsonNext(node)) {
    const index = jsonMember(node, "index"), second = jsonMember(node, "valueTwo");
    if (!jsonIsU64(index) || jsonU64(index) >= ARGUMENTS || !jsonIsU64(jsonMember(node, "value"))) return false;
    if (second != 0 && !jsonIsU64(second)) return false;
    if (compareOf(jsonMember(node, "op")) == Compare.NONE) return false;
  }
  return true;
}

export function comparisonCount(rule: usize): u32 { return jsonCount(jsonMember(rule, "args")); }

/** As in runc, two comparisons of one argument are alternatives; comparisons of different arguments must hold together. */
export function areAlternatives(rule: usize): bool {
  const list = jsonMember(rule, "args");
  let seen: u32 = 0, node = jsonFirst(list);
  for (let i = jsonCount(list); i > 0; i--, node = jsonNext(node)) {
    const bit: u32 = 1 << <u32>jsonU64(jsonMember(node, "index"));
    if ((seen & bit) != 0) return true;
    seen |= bit;
  }
  return false;
}

function comparisonSize(node: usize, wide: bool): u32 {
  switch (compareOf(jsonMember(node, "op"))) {
    case Compare.EQUAL: case Compare.NOT_EQUAL: return wide ? 4 : 2;
    case Compare.MASKED_EQUAL: return wide ? 6 : 3;
    default: return wide ? 5 : 2;
  }
}

/** Number of instructions of a rule with comparisons; `wide`: arguments have 64 bits. */
export function ruleSize(rule: usize, wide: bool): u32 {
  const list = jsonMember(rule, "args"), alternatives = areAlternatives(rule);
  let size: u32 = alternatives ? 0 : 1, node = jsonFirst(list);
  for (let i = jsonCount(list); i > 0; i--, node = jsonNext(node)) size += comparisonSize(node, wide) + (alternatives ? 1 : 0);
  return size;
}

/** Emits a rule: returns `action` if the rule holds, else continues after its instructions. */
export function emitRule(rule: usize, action: u32, wide: bool): void {
  const list = jsonMember(rule, "args"), alternatives = areAlternatives(rule);
  let left = ruleSize(rule, wide), node = jsonFirst(list);
  for (let i = jsonCount(list); i > 0; i--, node = jsonNext(node)) {
    const size = comparisonSize(node, wide);
    left -= size;
    // After this comparison follow the rule's other comparisons, or its return alone.
    emitComparison(node, alternatives ? 1 : left, wide);
    if (!alternatives) continue;
    emit(RETURN, action);
    left--;
  }
  if (!alternatives) emit(RETURN, action);
}

/** Emits a comparison: continues after it if it holds, else `skip` instructions later. */
function emitComparison(node: usize, skip: u32, wide: bool): void {
  const argument = <u32>jsonU64(jsonMember(node, "index")), value = jsonU64(jsonMember(node, "value"));
  const high = <u32>(value >> 32), low = <u32>value, op = compareOf(jsonMember(node, "op"));
  if (op == Compare.EQUAL || op == Compare.NOT_EQUAL) return emitEquality(argument, high, low, op == Compare.EQUAL, skip, wide);
  if (op == Compare.MASKED_EQUAL) return emitMasked(node, argument, high, low, skip, wide);
  emitOrder(op, argument, high, low, skip, wide);
}

function emitEquality(argument: u32, high: u32, low: u32, equal: bool, skip: u32, wide: bool): void {
  if (wide) {
    emit(LOAD, dataHigh(argument));
    emit(JUMP_EQUAL, high, 0, 2 + (equal ? skip : 0));
  }
  emit(LOAD, dataLow(argument));
  emit(JUMP_EQUAL, low, equal ? 0 : skip, equal ? skip : 0);
}

/** `value` is the mask, `valueTwo` the expected value of the masked argument. */
function emitMasked(node: usize, argument: u32, high: u32, low: u32, skip: u32, wide: bool): void {
  const second = jsonMember(node, "valueTwo"), wanted = (second == 0 ? 0 : jsonU64(second)) & (<u64>high << 32 | low);
  if (wide) {
    emit(LOAD, dataHigh(argument));
    emit(AND, high);
    emit(JUMP_EQUAL, <u32>(wanted >> 32), 0, 3 + skip);
  }
  emit(LOAD, dataLow(argument));
  emit(AND, low);
  emit(JUMP_EQUAL, <u32>wanted, 0, skip);
}

/** The upper halves decide, unless they are equal. */
function emitOrder(op: Compare, argument: u32, high: u32, low: u32, skip: u32, wide: bool): void {
  const more = op == Compare.GREATER || op == Compare.AT_LEAST, orEqual = op == Compare.AT_MOST || op == Compare.AT_LEAST;
  if (wide) {
    emit(LOAD, dataHigh(argument));
    emit(JUMP_GREATER, high, more ? 3 : 3 + skip, 0);
    emit(JUMP_EQUAL, high, 0, more ? 2 + skip : 2);
  }
  emit(LOAD, dataLow(argument));
  // "Less" is "not at least", "at most" is "not greater".
  emit(more == orEqual ? JUMP_AT_LEAST : JUMP_GREATER, low, more ? 0 : skip, more ? skip : 0);
}
