/**
 * warden-runtime: runs containers as the Open Container Initiative specifies. docs/reference/warden-runtime.md
 *
 *   create, run (commands/create.ts) → fork → the process that becomes the container's (commands/init.ts)
 *   exec (commands/exec.ts)          → fork → a process in the container
 *   start, state, list, ps, pause, resume, update (commands/control.ts), events (commands/events.ts), kill, delete
 *   (commands/delete.ts): no fork
 */
import "../../lib/abort";
import { loadArguments, loadEnvironment } from "../../boundary/wasi";
import { SIGCHLD } from "../../lib/signal";
import { createReady, createSignal, parentsEnd, startCreate } from "./commands/create";
import {
  listContainers, listProcesses, pauseContainer, printState, startContainer, startReady, updateContainer, updateReady,
} from "./commands/control";
import { afterHook } from "./flow";
import { deleteContainer, deleteDeadline, deleteReady, killContainer } from "./commands/delete";
import { eventsDeadline, eventsReady, startEvents } from "./commands/events";
import { execForked, execReady, execSignal, startExec } from "./commands/exec";
import { printFeatures, writeSpec } from "./commands/features";
import { hookDeadline, hookEnded, hookIsRunning } from "./process/hooks";
import { initReady, initSignal, startInit } from "./commands/init";
import { Command, options, parse } from "./input/options";
import { endHolder, holdsNamespace } from "./root/mount-maps";

let isChild: bool = false;
/** It is in a user namespace that an idmapped mount gets its mapping from, and nothing else. */
let isHolder: bool = false;

export function onStart(): void {
  loadArguments();
  loadEnvironment();
  parse();
  switch (options.command) {
    case Command.CREATE: case Command.RUN: return startCreate();
    case Command.START: return startContainer();
    case Command.STATE: return printState();
    case Command.KILL: return killContainer();
    case Command.DELETE: return deleteContainer();
    case Command.EXEC: return startExec();
    case Command.LIST: return listContainers();
    case Command.PS: return listProcesses();
    case Command.PAUSE: return pauseContainer(true);
    case Command.RESUME: return pauseContainer(false);
    case Command.UPDATE: return updateContainer();
    case Command.FEATURES: return printFeatures();
    case Command.SPEC: return writeSpec();
    default: return startEvents();
  }
}

export function onFork(): void {
  isChild = true;
  isHolder = holdsNamespace();
  if (isHolder) return;
  if (options.command == Command.EXEC) return execForked();
  startInit(parentsEnd());
}

export function onReady(handle: i32, events: i32): void {
  if (isHolder) return endHolder();
  if (isChild) return initReady(handle);
  switch (options.command) {
    case Command.CREATE: case Command.RUN: return createReady(handle);
    case Command.START: return startReady();
    case Command.DELETE: return deleteReady(handle);
    case Command.UPDATE: return updateReady();
    case Command.EVENTS: return eventsReady();
    default: execReady();
  }
}

export function onSignal(signal: i32): void {
  if (signal == SIGCHLD && hookIsRunning()) afterHook(hookEnded());
  if (isChild) return initSignal(signal);
  switch (options.command) {
    case Command.CREATE: case Command.RUN: return createSignal(signal);
    case Command.EXEC: return execSignal(signal);
    default: return;
  }
}

export function onDeadline(): void {
  if (hookIsRunning()) return hookDeadline();
  if (options.command == Command.DELETE || options.command == Command.RUN) deleteDeadline();
  else if (options.command == Command.EVENTS) eventsDeadline();
}

/** Nothing that it was in the middle of is worth going on with. */
export function onTrap(): i32 { return 1; }
