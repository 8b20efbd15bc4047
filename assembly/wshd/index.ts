/**
 * wshd: the first process of a container, which runs commands for wsh. docs/wshd.md
 *
 * Started on the host it prepares the container (parent.ts) and starts itself again as PID 1 of it (child.ts), which
 * serves (serve.ts) until the container ends.
 */
import { loadArguments, loadEnvironment, variable } from "../wasi";
import { SIGCHLD } from "../shared/signal";
import { childReady, childSignal, servesNow, startChild } from "./child";
import { parentReady, parentSignal, startParent } from "./parent";
import { recover, serveChildEnded, serveDeadline, serveReady } from "./serve";
import { CHILD_VARIABLE } from "./stages";

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
  else if (servesNow()) serveReady(handle);
  else childReady(handle);
}

export function onSignal(signal: i32): void {
  if (!isChild) parentSignal(signal);
  else if (!servesNow()) childSignal(signal);
  else if (signal == SIGCHLD) serveChildEnded();
}

export function onDeadline(): void {
  if (servesNow()) serveDeadline();
}

export function onTrap(): i32 {
  return servesNow() && recover() ? -1 : 1;
}
