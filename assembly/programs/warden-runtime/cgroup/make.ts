/**
 * The container's control groups: one in each hierarchy that /proc/self/cgroup lists, at linux.cgroupsPath below its root. Beside
 * hierarchies of v1 the one of v2 has no controllers: the container stays out of it. cgroups(7)
 */
import { close, makeDirectoryAt, openAt, OPENAT_DIRECTORY, OPENAT_PATH } from "../../../boundary/shim";
import { claim } from "../../../boundary/wasi";
import { EEXIST } from "../../../lib/errno";
import { cString, putCopy, putDigits, putText, stringLength } from "../../../lib/text";
import { die } from "../files/end";
import { joinName, makeDirectories, PATH_BYTES, readText, SLASH } from "../files/paths";
import {
  addGroup, begins, claimGroups, GROUP_PATH_BYTES, groupPath, groups, GROUPS_MAX, hasController, isUnified, keepGroup,
  MOUNTS, onlyUnified, writeGroup,
} from "./groups";

const LIST_BYTES: u32 = 16384;
/** The names of all controllers in one hierarchy have some 100 bytes. */
const CONTROLLERS_BYTES: u32 = 256;
const COLON: u8 = 0x3a;
let list: usize = 0;

/** Makes the groups' paths of `place`, below every hierarchy. */
export function planGroups(place: usize): void {
  list = claim(LIST_BYTES);
  claimGroups();
  if (stringLength(place) + MOUNTS.length + CONTROLLERS_BYTES + 3 > GROUP_PATH_BYTES) die("linux.cgroupsPath is too long:", place);
  const got = readText(cString("/proc/self/cgroup"), list, LIST_BYTES);
  if (got < 0) die("cannot read /proc/self/cgroup", 0, got);
  for (let at = list; load<u8>(at) != 0 && groups.count < GROUPS_MAX; at = nextLine(at)) planGroup(at, place);
}

function nextLine(at: usize): usize {
  while (load<u8>(at) != 0x0a && load<u8>(at) != 0) at++;
  return load<u8>(at) == 0 ? at : at + 1;
}

function isLineEnd(byte: u8): bool { return byte == 0 || byte == 0x0a; }

/** A line is NUMBER:CONTROLLERS:PATH; one that is not counts for nothing. */
function planGroup(line: usize, place: usize): void {
  const path = groupPath(groups.count);
  let at = line, to = putText(path, MOUNTS);
  while (load<u8>(at) != COLON) if (isLineEnd(load<u8>(at++))) return;
  at++;
  const isV2 = load<u8>(at) == COLON;
  // Its line is the last one.
  if (isV2 && groups.count > 0) return;
  if (!isV2) {
    store<u8>(to++, SLASH);
    // name=systemd is mounted as systemd.
    if (begins(at, "name=")) at += 5;
    const end = to + CONTROLLERS_BYTES;
    for (; load<u8>(at) != COLON; at++) {
      if (isLineEnd(load<u8>(at)) || to == end) return;
      store<u8>(to++, load<u8>(at));
    }
  }
  store<u8>(to, 0);
  const mounted = openAt(0, path, OPENAT_PATH | OPENAT_DIRECTORY, 0);
  if (mounted < 0) return;
  close(mounted);
  if (load<u8>(place) != SLASH) store<u8>(to++, SLASH);
  store<u8>(putCopy(to, place), 0);
  addGroup(isV2);
}

const top = cString("/");
const buffer = memory.data(PATH_BYTES);

/** Makes all groups. Those that are there already are used: what podman made for a pod. */
export function makeGroups(): void {
  const root = openAt(0, top, OPENAT_PATH | OPENAT_DIRECTORY, 0);
  for (let i = 0; i < groups.count; i++) {
    // Most often all but the last directory are there.
    const made = makeDirectoryAt(0, groupPath(i), 0o755), isCpuset = hasController(i, "cpuset");
    if (made == 0 && isCpuset) inheritAll(groupPath(i));
    if (made == -EEXIST) keepGroup(i);
    if (made == 0 || made == -EEXIST) continue;
    const group = isCpuset ? makeCpuset(root, i) : makeDirectories(root, groupPath(i), 0o755);
    if (group < 0) die("cannot make the control group", groupPath(i), group);
    close(group);
  }
  if (onlyUnified()) enableControllers(root);
  close(root);
}

/** A cpuset takes processes once it has processors and memory: each new one gets those of the one above. cpuset(7) */
function makeCpuset(root: i32, index: i32): i32 {
  const path = groupPath(index);
  let at = path + MOUNTS.length + 1, group = 0;
  while (load<u8>(at) != SLASH && load<u8>(at) != 0) at++;
  while (load<u8>(at) != 0) {
    at++;
    while (load<u8>(at) != SLASH && load<u8>(at) != 0) at++;
    const end = load<u8>(at);
    store<u8>(at, 0);
    if (group > 0) close(group);
    group = makeDirectories(root, path, 0o755);
    if (group >= 0) inheritAll(path);
    store<u8>(at, end);
    if (group < 0) return group;
  }
  return group;
}

const value = memory.data(PATH_BYTES), above = memory.data(PATH_BYTES);

function inheritAll(path: usize): void {
  inheritCpuset(path, "cpuset.cpus");
  inheritCpuset(path, "cpuset.mems");
}

function inheritCpuset(path: usize, name: string): void {
  joinName(buffer, path, name);
  const had = readText(buffer, value, PATH_BYTES);
  if (had > 1) return;
  let end = putCopy(above, path);
  while (load<u8>(end) != SLASH) end--;
  store<u8>(end, 0);
  joinName(buffer, above, name);
  const got = readText(buffer, value, PATH_BYTES);
  if (got > 0) writeGroup(path, name, value, got);
}

/** On v2 a controller has to be let down level by level: cgroup.subtree_control. What is not there cannot be. */
function enableControllers(root: i32): void {
  const path = groupPath(0);
  const end = path + stringLength(path);
  for (let at = path + MOUNTS.length; at < end; at++) {
    if (load<u8>(at) != SLASH) continue;
    store<u8>(at, 0);
    for (let i = 0; i < 6; i++) {
      const word = i == 0 ? "+cpu" : i == 1 ? "+cpuset" : i == 2 ? "+io" : i == 3 ? "+memory" : i == 4 ? "+pids" : "+hugetlb";
      writeGroup(path, "cgroup.subtree_control", value, <u32>(putText(value, word) - value));
    }
    store<u8>(at, SLASH);
  }
}

const number = memory.data(32);

/** Moves a process into all groups, this one with 0. */
export function joinGroups(process: i32): void {
  const size = <u32>(putDigits(number, process) - number);
  for (let i = 0; i < groups.count; i++) {
    // A process without other threads may move as a thread: the kernel then waits for no other process.
    const moved = writeGroup(groupPath(i), process == 0 && !isUnified(i) ? "tasks" : "cgroup.procs", number, size);
    if (moved < 0) die("cannot move the process into the control group", groupPath(i), moved);
  }
}
