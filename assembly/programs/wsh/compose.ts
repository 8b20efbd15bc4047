/** The request: of protocol 2 where the command line needs it and the container's wshd offers it, else of protocol 1. */
import { AT_TTY } from "../../wire/request";
import { refuse } from "./problem";
import { compose1, request } from "./protocol-1";
import { compose2, isOffered, needOf2, request2 } from "./protocol-2";
import { putLimits, putLimits2 } from "./rlimits";
import { firstColumns, firstRows } from "./stdio";

/** What the command line asks for that needs protocol 2, in words; 0 for protocol 1. */
export let needsVersion2: usize = 0;

/** Composes the request for the wshd at `path`; false: see problem.ts, or without a problem a variable that is no limit. */
export function composeRequest(interactive: bool, path: usize): bool {
  needsVersion2 = needOf2();
  const isRefused = needsVersion2 != 0 && !isOffered(path), isSecond = needsVersion2 != 0 && !isRefused;
  if (!(isSecond ? compose2(interactive, firstRows(), firstColumns()) : compose1(interactive))) return false;
  if (isRefused) return refuse("wsh: the container's wshd speaks version 1 of the protocol, which does not carry", needsVersion2);
  store<i32>(request + AT_TTY, interactive);
  return isSecond ? putLimits2(request2) : putLimits(request);
}
