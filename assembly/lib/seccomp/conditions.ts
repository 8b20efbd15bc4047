/**
 * What the profiles of container engines (containers-common, Docker) have beyond OCI's: rules for some capabilities or processors
 * only, and the architectures that belong to a processor's.
 */
import { jsonCount, jsonFirst, jsonIs, jsonMember, jsonNext, jsonSize, jsonText } from "../json/nodes";
import { capabilityNumber } from "../capabilities";
import { CallTable } from "./names";

let conditional: bool = false;
let capabilities: u64 = 0;

/** The next profile's rules with conditions are judged by this bounding set; otherwise conditions mean nothing. */
export function setConditions(set: u64): void {
  conditional = true;
  capabilities = set;
}

export function forgetConditions(): void { conditional = false; }
export function isConditional(): bool { return conditional; }

/** Every condition of `includes` has to hold, and none of `excludes`. A `minKernel` is of kernels older than any that wshd runs on. */
export function applies(rule: usize, table: CallTable): bool {
  const includes = jsonMember(rule, "includes"), excludes = jsonMember(rule, "excludes");
  const arches = jsonMember(includes, "arches");
  if (jsonCount(arches) > 0 && !namesProcessor(arches, table)) return false;
  if (namesProcessor(jsonMember(excludes, "arches"), table)) return false;
  const wanted = jsonMember(includes, "caps");
  return has(wanted) == jsonCount(wanted) && has(jsonMember(excludes, "caps")) == 0;
}

/** How many of the list the set has. */
function has(list: usize): u32 {
  let count: u32 = 0, node = jsonFirst(list);
  for (let i = jsonCount(list); i > 0; i--, node = jsonNext(node)) {
    const number = capabilityNumber(jsonText(node), jsonSize(node));
    if (number >= 0 && (capabilities >> number & 1) != 0) count++;
  }
  return count;
}

/** Whether the list has Go's name of the processor, all of whose calls are in one filter. */
function namesProcessor(list: usize, table: CallTable): bool {
  const name = table == CallTable.AARCH64 ? "arm64" : table == CallTable.RISCV64 ? "riscv64" : "amd64";
  let node = jsonFirst(list);
  for (let i = jsonCount(list); i > 0; i--, node = jsonNext(node)) if (jsonIs(node, name)) return true;
  return false;
}

/** Whether some entry of `archMap` has the architecture below another. */
export function subArchitecture(profile: usize, architecture: string): bool {
  const map = jsonMember(profile, "archMap");
  let entry = jsonFirst(map);
  for (let i = jsonCount(map); i > 0; i--, entry = jsonNext(entry)) {
    const below = jsonMember(entry, "subArchitectures");
    let node = jsonFirst(below);
    for (let j = jsonCount(below); j > 0; j--, node = jsonNext(node)) if (jsonIs(node, architecture)) return true;
  }
  return false;
}
