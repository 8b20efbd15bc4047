/** linux.sysctl: values below /proc/sys of the container's namespaces. sysctl(8) */
import { close, openAt, OPENAT_WRITE, write } from "../../../boundary/shim";
import { jsonCount, jsonFirst, jsonIsCString, JsonKind, jsonKind, jsonNext, jsonSize, jsonText, jsonValue } from "../../../lib/json/nodes";
import { equals, putText } from "../../../lib/text";
import { NEW_IPC, NEW_NETWORK, NEW_USER, NEW_UTS } from "../input/namespace-kinds";
import { die } from "../files/end";
import { rootHandle } from "../root/rootfs";

const NAME_BYTES: u32 = 512;
const DOT: u8 = 0x2e, SLASH: u8 = 0x2f;
const path = memory.data(NAME_BYTES + 32);
const PREFIX = "/proc/sys/";
/** Of the path: what follows `PREFIX`. */
const name = path + PREFIX.length;

/** Refuses what is not the container's own: the value would be set for the whole host. `kinds` are the namespaces of config.json. */
export function checkSysctls(list: usize, kinds: u32): void {
  if (jsonKind(list) != JsonKind.OBJECT) return;
  let key = jsonFirst(list);
  for (let i = jsonCount(list); i > 0; i--, key = jsonNext(jsonValue(key))) {
    if (!jsonIsCString(key) || jsonSize(key) >= NAME_BYTES) return die("linux.sysctl has a name that is too long or has a NUL");
    if (jsonKind(jsonValue(key)) != JsonKind.STRING) return die("linux.sysctl has a value that is not a string:", jsonText(key));
    putName(key);
    if (equals(name, "kernel/hostname")) return die("linux.sysctl sets kernel.hostname, which the member hostname is for");
    if ((namespaceOf() & kinds) == 0) return die("linux.sysctl has a name that is of no namespace of the container's own:", jsonText(key));
  }
}

/** The first of "." and "/" in a name separates its parts, and the other one is a character of theirs. sysctl.d(5) */
function putName(key: usize): void {
  let to = putText(path, PREFIX), separator: u8 = 0;
  for (let i: u32 = 0; i < jsonSize(key); i++) {
    const byte = load<u8>(jsonText(key) + i), isOne = byte == DOT || byte == SLASH;
    if (isOne && separator == 0) separator = byte;
    store<u8>(to++, !isOne ? byte : byte == separator ? SLASH : DOT);
  }
  store<u8>(to, 0);
}

/** The kind of namespace that the sysctl of `name` belongs to; 0 for one of the whole machine. */
function namespaceOf(): u32 {
  if (leadsUp()) return 0;
  if (begins("net/")) return NEW_NETWORK;
  if (begins("fs/mqueue/")) return NEW_IPC;
  if (begins("user/")) return NEW_USER;
  if (equals(name, "kernel/domainname")) return NEW_UTS;
  const isIpc = equals(name, "kernel/msgmax") || equals(name, "kernel/msgmnb") || equals(name, "kernel/msgmni") || equals(name, "kernel/sem")
    || equals(name, "kernel/shmall") || equals(name, "kernel/shmmax") || equals(name, "kernel/shmmni") || equals(name, "kernel/shm_rmid_forced");
  return isIpc ? NEW_IPC : 0;
}

/** Whether a part of the name is "..". */
function leadsUp(): bool {
  for (let at = name; load<u8>(at) != 0; at++) {
    if (load<u8>(at - 1) == SLASH && load<u16>(at) == 0x2e2e && (load<u8>(at + 2) == SLASH || load<u8>(at + 2) == 0)) return true;
  }
  return false;
}

function begins(start: string): bool {
  for (let i = 0; i < start.length; i++) if (load<u8>(name + i) != <u8>start.charCodeAt(i)) return false;
  return true;
}

export function setSysctls(list: usize): void {
  if (jsonKind(list) != JsonKind.OBJECT) return;
  let key = jsonFirst(list);
  for (let i = jsonCount(list); i > 0; i--, key = jsonNext(jsonValue(key))) setSysctl(key, jsonValue(key));
}

function setSysctl(key: usize, value: usize): void {
  putName(key);
  const file = openAt(rootHandle, path, OPENAT_WRITE, 0), sent = file < 0 ? file : write(file, jsonText(value), jsonSize(value));
  if (sent < 0) die("cannot set linux.sysctl", jsonText(key), sent);
  close(file);
}
