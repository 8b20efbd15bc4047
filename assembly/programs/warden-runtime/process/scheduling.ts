/** process.scheduler, process.ioPriority, linux.personality. sched_setattr(2), ioprio_set(2), personality(2) */
import { setIoPriority, setPersonality, setScheduler } from "../../../boundary/shim";
import {
  jsonCount, jsonFirst, jsonI64, jsonIs, jsonIsCString, jsonIsI64, jsonIsU64, JsonKind, jsonKind, jsonMember, jsonNext, jsonText,
  jsonU64,
} from "../../../lib/json/nodes";
import { die } from "../files/end";

/** `struct sched_attr`, version 0. */
const ATTRIBUTES_BYTES: u32 = 48;
const attributes = memory.data(ATTRIBUTES_BYTES, 8);
let hasScheduler: bool = false;
/** -1 for none. */
let ioPriority: i32 = -1, domain: i32 = -1;

function policyOf(node: usize): i32 {
  if (jsonIs(node, "SCHED_OTHER")) return 0;
  if (jsonIs(node, "SCHED_FIFO")) return 1;
  if (jsonIs(node, "SCHED_RR")) return 2;
  if (jsonIs(node, "SCHED_BATCH")) return 3;
  if (jsonIs(node, "SCHED_ISO")) return 4;
  if (jsonIs(node, "SCHED_IDLE")) return 5;
  return jsonIs(node, "SCHED_DEADLINE") ? 6 : -1;
}

function flagOf(node: usize): u64 {
  if (jsonIs(node, "SCHED_FLAG_RESET_ON_FORK")) return 1;
  if (jsonIs(node, "SCHED_FLAG_RECLAIM")) return 2;
  if (jsonIs(node, "SCHED_FLAG_DL_OVERRUN")) return 4;
  if (jsonIs(node, "SCHED_FLAG_KEEP_POLICY")) return 8;
  if (jsonIs(node, "SCHED_FLAG_KEEP_PARAMS")) return 0x10;
  if (jsonIs(node, "SCHED_FLAG_UTIL_CLAMP_MIN")) return 0x20;
  return jsonIs(node, "SCHED_FLAG_UTIL_CLAMP_MAX") ? 0x40 : 0;
}

function numberOf(object: usize, name: string): u64 {
  const node = jsonMember(object, name);
  return jsonIsU64(node) ? jsonU64(node) : 0;
}

/** Reads what the process says of its scheduling, before anything is made. */
export function prepareScheduling(process: usize): void {
  prepareScheduler(jsonMember(process, "scheduler"));
  prepareIoPriority(jsonMember(process, "ioPriority"));
}

function prepareScheduler(node: usize): void {
  if (jsonKind(node) != JsonKind.OBJECT) return;
  const policy = policyOf(jsonMember(node, "policy")), nice = jsonMember(node, "nice"), flags = jsonMember(node, "flags");
  if (policy < 0) return die("process.scheduler.policy is none of SCHED_OTHER, FIFO, RR, BATCH, ISO, IDLE and DEADLINE");
  let bits: u64 = 0, flag = jsonFirst(flags);
  for (let i = jsonCount(flags); i > 0; i--, flag = jsonNext(flag)) {
    if (flagOf(flag) == 0) return die("process.scheduler.flags has a flag that is unknown:", jsonIsCString(flag) ? jsonText(flag) : 0);
    bits |= flagOf(flag);
  }
  store<u32>(attributes, ATTRIBUTES_BYTES);
  store<u32>(attributes + 4, policy);
  store<u64>(attributes + 8, bits);
  store<i32>(attributes + 16, jsonIsI64(nice) ? <i32>jsonI64(nice) : 0);
  store<u32>(attributes + 20, <u32>numberOf(node, "priority"));
  store<u64>(attributes + 24, numberOf(node, "runtime"));
  store<u64>(attributes + 32, numberOf(node, "deadline"));
  store<u64>(attributes + 40, numberOf(node, "period"));
  hasScheduler = true;
}

const CLASS_SHIFT: i32 = 13;

function prepareIoPriority(node: usize): void {
  if (jsonKind(node) != JsonKind.OBJECT) return;
  const name = jsonMember(node, "class"), level = numberOf(node, "priority");
  const kind = jsonIs(name, "IOPRIO_CLASS_RT") ? 1 : jsonIs(name, "IOPRIO_CLASS_BE") ? 2 : jsonIs(name, "IOPRIO_CLASS_IDLE") ? 3 : 0;
  if (kind == 0) return die("process.ioPriority.class is none of IOPRIO_CLASS_RT, IOPRIO_CLASS_BE and IOPRIO_CLASS_IDLE");
  if (level > 7) return die("process.ioPriority.priority is above 7");
  ioPriority = kind << CLASS_SHIFT | <i32>level;
}

/** PER_LINUX and PER_LINUX32 of personality(2). */
export function preparePersonality(node: usize): void {
  if (jsonKind(node) != JsonKind.OBJECT) return;
  const name = jsonMember(node, "domain");
  domain = jsonIs(name, "LINUX") ? 0 : jsonIs(name, "LINUX32") ? 8 : -1;
  if (domain < 0) return die("linux.personality.domain is neither LINUX nor LINUX32");
  if (jsonCount(jsonMember(node, "flags")) > 0) die("linux.personality.flags is not supported: the specification has no flag");
}

export function setScheduling(): void {
  const scheduled = hasScheduler ? setScheduler(attributes, ATTRIBUTES_BYTES) : 0;
  if (scheduled < 0) die("cannot set process.scheduler", 0, scheduled, "a better place than the usual one needs CAP_SYS_NICE");
  const ordered = ioPriority >= 0 ? setIoPriority(ioPriority) : 0;
  if (ordered < 0) die("cannot set process.ioPriority", 0, ordered, "IOPRIO_CLASS_RT needs CAP_SYS_NICE");
}

export function setDomain(): void {
  const set = domain >= 0 ? setPersonality(domain) : 0;
  if (set < 0) die("cannot set linux.personality", 0, set);
}
