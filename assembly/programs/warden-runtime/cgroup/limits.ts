/** linux.resources: what goes to which file of a control group. cgroup-v1/ and cgroup-v2.rst of the kernel's documentation */
import { EINVAL } from "../../../lib/errno";
import {
  jsonCount, jsonFirst, jsonI64, jsonIs, jsonIsCString, jsonIsI64, jsonIsU64, JsonKind, jsonKind, jsonMember, jsonNext, jsonSize,
  jsonText, jsonU64, jsonValue,
} from "../../../lib/json/nodes";
import { afterDigits, digitsValue, putCopy, putDigits, putText } from "../../../lib/text";
import { die } from "../files/end";
import { joinName, joinPath, PATH_BYTES, readText, writeFile } from "../files/paths";
import { groupOf, groupPath, groups, hasController, isUnified, onlyUnified, writeGroup } from "./groups";
import { filterDevices } from "./device-filter";
import { setBlockIo } from "./io";
import { setOtherLimits } from "./other-limits";
import { failed, isNumber, isV2, putSigned, setBuilt, setMost, setNumber, setText, tryNumber, value } from "./write";

/** Sets all that the node has. */
export function setResources(resources: usize): void {
  setMemory(jsonMember(resources, "memory"));
  setCpu(jsonMember(resources, "cpu"));
  const pids = jsonMember(jsonMember(resources, "pids"), "limit");
  if (isNumber(pids)) setPids(pids);
  setBlockIo(jsonMember(resources, "blockIO"));
  setOtherLimits(resources);
  setUnified(jsonMember(resources, "unified"));
}

/** 0 and less: none. */
function setPids(node: usize): void {
  if (!jsonIsI64(node) || jsonI64(node) > 0) return setNumber("pids", "pids.max", node);
  setBuilt("pids", "pids.max", putText(value, "max"));
}

function setMemory(memory: usize): void {
  if (memory == 0) return;
  const limit = jsonMember(memory, "limit"), swap = jsonMember(memory, "swap");
  checkUsage(memory, limit);
  if (isV2("memory")) return setMemoryV2(memory, limit, swap);
  setBoth(limit, swap);
  setNumber("memory", "memory.soft_limit_in_bytes", jsonMember(memory, "reservation"));
  setNumber("memory", "memory.kmem.tcp.limit_in_bytes", jsonMember(memory, "kernelTCP"));
  setNumber("memory", "memory.swappiness", jsonMember(memory, "swappiness"));
  if (jsonKind(jsonMember(memory, "disableOOMKiller")) == JsonKind.TRUE) setBuilt("memory", "memory.oom_control", putText(value, "1"));
}

/**
 * Memory, and memory with swap, of which the second may never be less than the first: where both rise, the second has to go
 * first, and where both fall, the first.
 */
function setBoth(limit: usize, swap: usize): void {
  // Without a limit of its own swap follows the memory's that is taken away.
  const isFree = swap == 0 && jsonIsI64(limit) && jsonI64(limit) < 0;
  if (isFree) tryNumber("memory", "memory.memsw.limit_in_bytes", limit);
  const first = tryNumber("memory", "memory.limit_in_bytes", limit);
  if (first == -EINVAL && isNumber(swap)) {
    setNumber("memory", "memory.memsw.limit_in_bytes", swap);
    return setNumber("memory", "memory.limit_in_bytes", limit);
  }
  if (first < 0) return failed("memory.limit_in_bytes", first);
  setNumber("memory", "memory.memsw.limit_in_bytes", swap);
}

const usageFile = memory.data(PATH_BYTES), usage = memory.data(32);

/** memory.checkBeforeUpdate: a limit below what is used now would end processes. */
function checkUsage(memory: usize, limit: usize): void {
  if (jsonKind(jsonMember(memory, "checkBeforeUpdate")) != JsonKind.TRUE || !jsonIsU64(limit)) return;
  const group = groupOf("memory");
  if (group < 0) return;
  joinName(usageFile, groupPath(group), isV2("memory") ? "memory.current" : "memory.usage_in_bytes");
  if (readText(usageFile, usage, 32) <= 0) return;
  if (digitsValue(usage, afterDigits(usage)) > jsonU64(limit)) die("the memory limit is below what the container uses now (memory.checkBeforeUpdate)");
}

function setMemoryV2(memory: usize, limit: usize, swap: usize): void {
  setMost("memory", "memory.max", limit);
  // v1's swap is both together, v2's is its own.
  if (jsonIsI64(swap) && jsonIsI64(limit) && jsonI64(swap) >= jsonI64(limit) && jsonI64(limit) > 0) {
    setBuilt("memory", "memory.swap.max", putSigned(value, jsonI64(swap) - jsonI64(limit)));
  } else if (jsonIsI64(swap) && jsonI64(swap) < 0) setMost("memory", "memory.swap.max", swap);
  setMost("memory", "memory.low", jsonMember(memory, "reservation"));
}

function setCpu(cpu: usize): void {
  if (cpu == 0) return;
  const shares = jsonMember(cpu, "shares"), quota = jsonMember(cpu, "quota"), period = jsonMember(cpu, "period");
  setNumber("cpu", "cpu.idle", jsonMember(cpu, "idle"));
  if (isV2("cpu")) {
    setCpuV2(shares, quota, period);
    setNumber("cpu", "cpu.max.burst", jsonMember(cpu, "burst"));
  } else {
    if (!jsonIsU64(shares) || jsonU64(shares) > 0) setNumber("cpu", "cpu.shares", shares);
    setQuota(quota, jsonIsU64(period) && jsonU64(period) > 0 ? period : 0);
    setNumber("cpu", "cpu.cfs_burst_us", jsonMember(cpu, "burst"));
    setNumber("cpu", "cpu.rt_period_us", jsonMember(cpu, "realtimePeriod"));
    setNumber("cpu", "cpu.rt_runtime_us", jsonMember(cpu, "realtimeRuntime"));
  }
  setText("cpuset", "cpuset.cpus", jsonMember(cpu, "cpus"));
  setText("cpuset", "cpuset.mems", jsonMember(cpu, "mems"));
}

/** A period that the quota does not allow yet is set behind it. */
function setQuota(quota: usize, period: usize): void {
  const first = tryNumber("cpu", "cpu.cfs_period_us", period);
  if (first < 0 && first != -EINVAL) return failed("cpu.cfs_period_us", first);
  if (!jsonIsI64(quota) || jsonI64(quota) != 0) setNumber("cpu", "cpu.cfs_quota_us", quota);
  if (first == -EINVAL) setNumber("cpu", "cpu.cfs_period_us", period);
}

const PERIOD_US: u64 = 100_000;

function setCpuV2(shares: usize, quota: usize, period: usize): void {
  // 2 to 262144 shares are a weight of 1 to 10000, as runc converts them.
  if (jsonIsU64(shares) && jsonU64(shares) >= 2) {
    const weight = 1 + (min<u64>(jsonU64(shares), 262_144) - 2) * 9_999 / 262_142;
    setBuilt("cpu", "cpu.weight", putDigits(value, weight));
  }
  if (!jsonIsI64(quota) && !jsonIsU64(period)) return;
  let to = jsonIsI64(quota) && jsonI64(quota) > 0 ? putDigits(value, jsonU64(quota)) : putText(value, "max");
  to = putDigits(putText(to, " "), jsonIsU64(period) && jsonU64(period) > 0 ? jsonU64(period) : PERIOD_US);
  setBuilt("cpu", "cpu.max", to);
}

/** Files of v2 by their names. */
function setUnified(unified: usize): void {
  if (jsonKind(unified) != JsonKind.OBJECT || jsonCount(unified) == 0) return;
  let group = -1;
  for (let i = 0; i < groups.count; i++) if (isUnified(i)) group = i;
  if (group < 0) return die("linux.resources.unified needs cgroup v2");
  let key = jsonFirst(unified);
  for (let i = jsonCount(unified); i > 0; i--, key = jsonNext(jsonValue(key))) {
    const content = jsonValue(key);
    if (!jsonIsCString(key) || jsonSize(key) > 255 || hasSlash(jsonText(key)) || !jsonIsCString(content)) return die("linux.resources.unified has a bad entry:", jsonText(key));
    const result = writeNamed(group, jsonText(key), jsonText(content), jsonSize(content));
    if (result < 0) return die("cannot set", jsonText(key), result);
  }
}

function hasSlash(at: usize): bool {
  for (; load<u8>(at) != 0; at++) if (load<u8>(at) == 0x2f) return true;
  return false;
}

const groupFile = memory.data(PATH_BYTES);

function writeNamed(group: i32, name: usize, at: usize, size: u32): i32 {
  joinPath(groupFile, groupPath(group), name);
  return writeFile(0, groupFile, at, size);
}

// --- devices, by the list of v1

/** What runc lets every container have: mknod of all, null, zero, full, tty, random, urandom, console, ptmx and pseudo-terminals. */
const DEFAULTS = "c *:* m\nb *:* m\nc 1:3 rwm\nc 1:5 rwm\nc 1:7 rwm\nc 1:8 rwm\nc 1:9 rwm\nc 5:0 rwm\nc 5:1 rwm\nc 5:2 rwm\nc 136:* rwm\n";

/** At the start: by the list, or where there is none by a filter. */
export function limitDevices(list: usize): void {
  if (jsonCount(list) > 0 && onlyUnified()) filterDevices(0, list);
  else setDevices(list);
}

export function setDevices(list: usize): void {
  let group = -1;
  for (let i = 0; i < groups.count; i++) if (hasController(i, "devices")) group = i;
  if (jsonCount(list) == 0 || group < 0) return;
  let rule = jsonFirst(list);
  for (let i = jsonCount(list); i > 0; i--, rule = jsonNext(rule)) setRule(group, rule);
  // The kernel takes one rule a write.
  for (let i = 0, from = 0; i < DEFAULTS.length; i++) {
    if (DEFAULTS.charCodeAt(i) != 0x0a) continue;
    let to = value;
    for (; from < i; from++) store<u8>(to++, <u8>DEFAULTS.charCodeAt(from));
    from = i + 1;
    const result = writeGroup(groupPath(group), "devices.allow", value, <u32>(to - value));
    if (result < 0) failed("devices.allow", result);
  }
}

function setRule(group: i32, rule: usize): void {
  const type = jsonMember(rule, "type"), access = jsonMember(rule, "access"), allow = jsonKind(jsonMember(rule, "allow")) == JsonKind.TRUE;
  const major = jsonMember(rule, "major"), minor = jsonMember(rule, "minor");
  let to = value;
  // Without a type, or for all of them: everything.
  if (type == 0 || jsonIs(type, "a")) to = putText(to, "a");
  else {
    if (!jsonIs(type, "c") && !jsonIs(type, "b")) return die("linux.resources.devices has a type that is none of a, b, c");
    to = putNumberOrAll(putText(putCopy(to, jsonText(type)), " "), major);
    to = putText(putNumberOrAll(putText(to, ":"), minor), " ");
    if (!jsonIsCString(access) || jsonSize(access) == 0 || jsonSize(access) > 3) return die("linux.resources.devices has no access of r, w and m");
    to = putCopy(to, jsonText(access));
  }
  const result = writeGroup(groupPath(group), allow ? "devices.allow" : "devices.deny", value, <u32>(to - value));
  if (result < 0) failed("devices.list", result);
}

function putNumberOrAll(to: usize, node: usize): usize {
  return jsonIsU64(node) ? putDigits(to, jsonU64(node)) : putText(to, "*");
}
