/** The request: of protocol 2 where the container's wshd offers it, else of protocol 1, which does not carry everything. */
import { MARKED, pathType } from "../../boundary/shim";
import { refuse } from "./problem";
import { compose1, request } from "./protocol-1";
import { compose2, needOf2, request2 } from "./protocol-2";
import { putLimits, putLimits2 } from "./rlimits";

/** Whether the request is of protocol 2. */
export let isVersion2: bool = false;
/** The errno of a socket that cannot be looked at, for a request that only protocol 2 carries; else 0. */
export let unseen: i32 = 0;

/** Composes the request for the wshd at `path`; false: see problem.ts, or without a problem a variable that is no limit. */
export function composeRequest(interactive: bool, path: usize): bool {
  const need = needOf2(), kind = pathType(path);
  if (kind < 0 && need != 0) unseen = kind;
  // An original wshd aborts on a version that it does not know: docs/reference/protocol.md §6
  isVersion2 = unseen < 0 || (kind >= 0 && (kind & MARKED) != 0);
  if (!(isVersion2 ? compose2(interactive) : compose1(interactive))) return false;
  if (need != 0 && !isVersion2) return refuse("wsh: the container's wshd speaks version 1 of the protocol, which does not carry", need);
  return isVersion2 ? putLimits2(request2) : putLimits(request);
}
