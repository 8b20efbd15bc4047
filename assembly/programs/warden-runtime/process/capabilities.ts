/** Capabilities and limits by the names that config.json has for them. */
import { jsonCount, jsonFirst, jsonIs, jsonNext, jsonSize, jsonText } from "../../../lib/json/nodes";
import { capabilityNumber } from "../../../lib/capabilities";

/** Of a name with CAP_, in capitals, as config.json has it; -1 for another. */
function numberOf(node: usize): i32 {
  const text = jsonText(node), size = jsonSize(node);
  return size < 5 || load<u32>(text) != 0x5f504143 ? -1 : capabilityNumber(text, size); // CAP_
}

/** The first name of a set that no kernel knows; 0 when there is none. */
export function unknownCapability(list: usize): usize {
  let node = jsonFirst(list);
  for (let i = jsonCount(list); i > 0; i--, node = jsonNext(node)) if (numberOf(node) < 0) return jsonText(node);
  return 0;
}

/** A set as its bits; what this kernel does not know is left out, as in runc. `known` are the kernel's. */
export function capabilitySet(list: usize, known: u64): u64 {
  let set: u64 = 0, node = jsonFirst(list);
  for (let i = jsonCount(list); i > 0; i--, node = jsonNext(node)) {
    const number = numberOf(node);
    if (number >= 0) set |= (<u64>1 << number) & known;
  }
  return set;
}

/** Resource limits by their names: getrlimit(2). -1 for one that there is none of. */
export function limitNumber(name: usize): i32 {
  if (jsonIs(name, "RLIMIT_CPU")) return 0;
  if (jsonIs(name, "RLIMIT_FSIZE")) return 1;
  if (jsonIs(name, "RLIMIT_DATA")) return 2;
  if (jsonIs(name, "RLIMIT_STACK")) return 3;
  if (jsonIs(name, "RLIMIT_CORE")) return 4;
  if (jsonIs(name, "RLIMIT_RSS")) return 5;
  if (jsonIs(name, "RLIMIT_NPROC")) return 6;
  if (jsonIs(name, "RLIMIT_NOFILE")) return 7;
  if (jsonIs(name, "RLIMIT_MEMLOCK")) return 8;
  if (jsonIs(name, "RLIMIT_AS")) return 9;
  if (jsonIs(name, "RLIMIT_LOCKS")) return 10;
  if (jsonIs(name, "RLIMIT_SIGPENDING")) return 11;
  if (jsonIs(name, "RLIMIT_MSGQUEUE")) return 12;
  if (jsonIs(name, "RLIMIT_NICE")) return 13;
  if (jsonIs(name, "RLIMIT_RTPRIO")) return 14;
  return jsonIs(name, "RLIMIT_RTTIME") ? 15 : -1;
}
