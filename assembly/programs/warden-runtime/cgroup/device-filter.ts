/**
 * linux.resources.devices with cgroup v2, which has no list of devices: an eBPF program that the kernel asks. Its context holds the
 * kind of device and of access, major and minor; 1 lets the access be. Documentation/bpf/standardization/instruction-set.rst
 */
import { attachDeviceFilter, close, openAt, OPENAT_DIRECTORY, OPENAT_READ } from "../../../boundary/shim";
import { claim } from "../../../boundary/wasi";
import { EPERM } from "../../../lib/errno";
import {
  jsonCount, jsonFirst, jsonIs, jsonIsCString, jsonIsU64, JsonKind, jsonKind, jsonMember, jsonNext, jsonSize, jsonText, jsonU64,
} from "../../../lib/json/nodes";
import { die } from "../files/end";
import { warn } from "../files/log";
import { readText } from "../files/paths";
import { cString } from "../../../lib/text";
import { groupPath } from "./groups";

/** Of linux/bpf.h: BPF_DEVCG_ACC_ and BPF_DEVCG_DEV_. */
const MKNOD: u32 = 1, READ: u32 = 2, WRITE: u32 = 4, ALL: u32 = 7;
const BLOCK: u32 = 1, CHARACTER: u32 = 2;
const ANY: i64 = -1;

const INSTRUCTION_BYTES: u32 = 8;
/** What a rule takes at most, and what stands around all of them. */
const RULE_INSTRUCTIONS: u32 = 9, FRAME_INSTRUCTIONS: u32 = 16, DEFAULT_RULES: u32 = 11;
/** Opcodes: a word from memory, moves, bit operations, jumps when not equal and when equal, the end. */
const LOAD_WORD: u8 = 0x61, MOVE: u8 = 0xbc, MOVE_NUMBER: u8 = 0xb4, AND: u8 = 0x54, SHIFT_RIGHT: u8 = 0x74;
const JUMP_NOT_EQUAL: u8 = 0x55, JUMP_EQUAL: u8 = 0x15, EXIT: u8 = 0x95;
/** Registers: result, context and scratch, kind, access, major, minor. */
const RESULT: u8 = 0, CONTEXT: u8 = 1, KIND: u8 = 2, ACCESS: u8 = 3, MAJOR: u8 = 4, MINOR: u8 = 5;

let program: usize = 0, count: u32 = 0;
/** The last rule held for everything: what follows would never run, which the kernel refuses. */
let isComplete: bool = false;

function emit(opcode: u8, target: u8, source: u8, offset: u16, number: u32): void {
  const at = program + count++ * INSTRUCTION_BYTES;
  store<u8>(at, opcode);
  store<u8>(at + 1, target | source << 4);
  store<u16>(at + 2, offset);
  store<u32>(at + 4, number);
}

/** A rule that does not hold leads to the one behind it: its jumps are pointed there once its end is known. */
function emitRule(allow: bool, kind: u32, access: u32, major: i64, minor: i64): void {
  if (isComplete) return;
  const first = count;
  if (kind != 0) emit(JUMP_NOT_EQUAL, KIND, 0, 0, kind);
  if (access != ALL) {
    // What is allowed holds for all that is asked for, what is denied for any of it.
    emit(MOVE, CONTEXT, ACCESS, 0, 0);
    emit(AND, CONTEXT, 0, 0, allow ? ~access & ALL : access);
    emit(allow ? JUMP_NOT_EQUAL : JUMP_EQUAL, CONTEXT, 0, 0, 0);
  }
  if (major != ANY) emit(JUMP_NOT_EQUAL, MAJOR, 0, 0, <u32>major);
  if (minor != ANY) emit(JUMP_NOT_EQUAL, MINOR, 0, 0, <u32>minor);
  isComplete = first == count;
  emit(MOVE_NUMBER, RESULT, 0, 0, allow ? 1 : 0);
  emit(EXIT, 0, 0, 0, 0);
  for (let i = first; i + 2 < count; i++) {
    const at = program + i * INSTRUCTION_BYTES, opcode = load<u8>(at);
    if (opcode == JUMP_NOT_EQUAL || opcode == JUMP_EQUAL) store<u16>(at + 2, <u16>(count - i - 1));
  }
}

/** What every container may use, as in the list of v1 (limits.ts). */
function emitDefaults(): void {
  emitRule(true, CHARACTER, ALL, 136, ANY);
  for (let minor: i64 = 2; minor >= 0; minor--) emitRule(true, CHARACTER, ALL, 5, minor);
  for (let minor: i64 = 9; minor >= 3; minor--) if (minor != 4 && minor != 6) emitRule(true, CHARACTER, ALL, 1, minor);
  emitRule(true, BLOCK, MKNOD, ANY, ANY);
  emitRule(true, CHARACTER, MKNOD, ANY, ANY);
}

function accessOf(node: usize): u32 {
  let access: u32 = 0;
  if (!jsonIsCString(node)) return ALL;
  for (let i: u32 = 0; i < jsonSize(node); i++) {
    const letter = load<u8>(jsonText(node) + i);
    access |= letter == 0x6d ? MKNOD : letter == 0x72 ? READ : letter == 0x77 ? WRITE : 0;
  }
  return access;
}

function numberOf(node: usize): i64 { return jsonIsU64(node) ? <i64>jsonU64(node) : ANY; }

function emitGiven(rule: usize): void {
  const type = jsonMember(rule, "type"), allow = jsonKind(jsonMember(rule, "allow")) == JsonKind.TRUE;
  if (type == 0 || jsonIs(type, "a")) return emitRule(allow, 0, ALL, ANY, ANY);
  if (!jsonIs(type, "c") && !jsonIs(type, "b")) return die("linux.resources.devices has a type that is none of a, b, c");
  const access = accessOf(jsonMember(rule, "access"));
  if (access == 0) return die("linux.resources.devices has no access of r, w and m");
  emitRule(allow, jsonIs(type, "b") ? BLOCK : CHARACTER, access, numberOf(jsonMember(rule, "major")), numberOf(jsonMember(rule, "minor")));
}

/** Of several rules that hold the last one counts: the program has them the other way round. */
export function filterDevices(group: i32, list: usize): void {
  const rules = jsonCount(list);
  program = claim((rules + DEFAULT_RULES) * RULE_INSTRUCTIONS * INSTRUCTION_BYTES + FRAME_INSTRUCTIONS * INSTRUCTION_BYTES);
  emit(LOAD_WORD, KIND, CONTEXT, 0, 0);
  emit(LOAD_WORD, MAJOR, CONTEXT, 4, 0);
  emit(LOAD_WORD, MINOR, CONTEXT, 8, 0);
  emit(MOVE, ACCESS, KIND, 0, 0);
  emit(SHIFT_RIGHT, ACCESS, 0, 0, 16);
  emit(AND, KIND, 0, 0, 0xffff);
  emitDefaults();
  const nodes = claim(rules * 4);
  let rule = jsonFirst(list);
  for (let i: u32 = 0; i < rules; i++, rule = jsonNext(rule)) store<u32>(nodes + i * 4, <u32>rule);
  for (let i = rules; i > 0; i--) emitGiven(<usize>load<u32>(nodes + (i - 1) * 4));
  emitRule(true, 0, ALL, ANY, ANY);
  attach(group);
}

function attach(group: i32): void {
  const directory = openAt(0, groupPath(group), OPENAT_READ | OPENAT_DIRECTORY, 0);
  const attached = directory < 0 ? directory : attachDeviceFilter(directory, program, count);
  if (directory >= 0) close(directory);
  // There no device can be made, nor opened that its owner could not open.
  if (attached == -EPERM && isInUserNamespace()) return warn("linux.resources.devices is not applied: this is a user namespace");
  if (attached < 0) die("cannot attach the filter of linux.resources.devices to", groupPath(group), attached, "this needs CONFIG_CGROUP_BPF and CAP_BPF");
}

const MAP_BYTES: u32 = 256;
const map = memory.data(MAP_BYTES), WHOLE = "         0          0 4294967295\n";

/** All ids are mapped to themselves in the first one alone. user_namespaces(7) */
function isInUserNamespace(): bool {
  if (readText(cString("/proc/self/uid_map"), map, MAP_BYTES) <= 0) return false;
  for (let i = 0; i < WHOLE.length; i++) if (load<u8>(map + i) != <u8>WHOLE.charCodeAt(i)) return true;
  return false;
}
