/** linux.sysctl: values below /proc/sys of the container's namespaces. sysctl(8) */
import { close, openAt, OPENAT_WRITE, write } from "../../../boundary/shim";
import { jsonCount, jsonFirst, JsonKind, jsonKind, jsonNext, jsonSize, jsonText, jsonValue } from "../../../lib/json/nodes";
import { putText } from "../../../lib/text";
import { die } from "../files/end";
import { rootHandle } from "../root/rootfs";

const NAME_BYTES: u32 = 512;
const path = memory.data(NAME_BYTES + 32);

export function setSysctls(list: usize): void {
  if (jsonKind(list) != JsonKind.OBJECT) return;
  let key = jsonFirst(list);
  for (let i = jsonCount(list); i > 0; i--, key = jsonNext(jsonValue(key))) setSysctl(key, jsonValue(key));
}

function setSysctl(key: usize, value: usize): void {
  if (jsonKind(value) != JsonKind.STRING || jsonSize(key) >= NAME_BYTES) return die("linux.sysctl has a value that is not a string:", jsonText(key));
  let to = putText(path, "/proc/sys/");
  for (let i: u32 = 0; i < jsonSize(key); i++) {
    const byte = load<u8>(jsonText(key) + i);
    store<u8>(to++, byte == 0x2e ? 0x2f : byte);
  }
  store<u8>(to, 0);
  const file = openAt(rootHandle, path, OPENAT_WRITE, 0), sent = file < 0 ? file : write(file, jsonText(value), jsonSize(value));
  if (sent < 0) die("cannot set linux.sysctl", jsonText(key), sent);
  close(file);
}
