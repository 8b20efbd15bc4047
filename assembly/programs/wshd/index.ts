/**
 * wshd: init (PID 1) of a container, which runs commands for wsh. docs/reference/wshd.md
 *
 * On the host wshd prepares the container (parent.ts) and starts itself again as the container's PID 1 (init.ts), which
 * serves requests (serve.ts) until the container ends.
 */
import { loadArguments, loadEnvironment, variable } from "../../boundary/wasi";
import { SIGCHLD } from "../../lib/signal";
import { childReady, childSignal, isServing, startChild } from "./init";
import { parentReady, parentSignal, startParent } from "./parent";
import { recover, serveChildEnded, serveDeadline, serveReady } from "./serve";
import { CHILD_VARIABLE } from "./handshake";

let isChild: bool = false;

export function onStart(): void {
  loadArguments();
  loadEnvironment();
  isChild = variable(CHILD_VARIABLE) != 0;
  if (isChild) startChild();
  else startParent();
}

export function onReady(handle: i32, events: i32): void {
  if (!isChild) parentReady(handle);
  else if (isServing()) serveReady(handle);
  else childReady(handle);
}

export function onSignal(signal: i32): void {
  if (!isChild) parentSignal(signal);
  else if (!isServing()) childSignal(signal);
  else if (signal == SIGCHLD) serveChildEnded();
}

export function onDeadline(): void {
  if (isServing()) serveDeadline();
}

export function onTrap(): i32 {
  return isServing() && recover() ? -1 : 1;
}
