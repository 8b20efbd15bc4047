/** conmon's command line, as podman and CRI-O write it. conmon(8) */
import { pathType } from "../../boundary/shim";
import { argument, argumentsGiven, claim, exit, print } from "../../boundary/wasi";
import { begin, endLine, messageAt, messageSize, put, putError, putString, tell } from "../../lib/diagnostics";
import { fail } from "../../lib/diagnostics";
import { afterDigits, cString, digitsValue, equals, putCopy, putText, stringLength } from "../../lib/text";
import { find, nameOf, Option, shortOption, takesValue } from "./option-names";
import { PATH_BYTES } from "./words";

const MINUS: u8 = 0x2d, EQUALS: u8 = 0x3d;
/** The first argument of the process that goes on as a daemon: docs/reference/monitor.md */
export const DAEMON_STAGE: string = "--daemon-stage";
const SECONDS_MAX: u64 = 1 << 31;
/** conmon takes no more, either. */
const FILES_MAX: u64 = 1000;

/** Values of an option that may come more than once, as pointers one behind the other. */
@unmanaged export class List {
  at: usize;
  count: i32;

  get(index: i32): usize { return <usize>load<u32>(this.at + index * 4); }

  add(value: usize): void {
    if (this.at == 0) this.at = claim(<u32>argumentsGiven() * 4);
    store<u32>(this.at + this.count++ * 4, <u32>value);
  }
}

function list(at: usize): List { return changetype<List>(at); }
export const runtimeArguments = list(memory.data(8, 4));
export const runtimeOptions = list(memory.data(8, 4));
export const exitArguments = list(memory.data(8, 4));
export const logs = list(memory.data(8, 4));
export const labels = list(memory.data(8, 4));
if (offsetof<List>() != 8) ERROR("a list is an address and a number");

const values = memory.data(Option.COUNT * 4, 4);

/** An option's value; 0 when it was not given. For one without a value, not 0 when it was given. */
export function value(option: Option): usize { return <usize>load<u32>(values + <u32>option * 4); }
export function isGiven(option: Option): bool { return value(option) != 0; }

/** What the command line asks for, as numbers. */
export namespace options {
  export let isDaemon: bool = false;
  /** Milliseconds; 0 for none. */
  export let timeoutMs: u64 = 0;
  export let exitDelayMs: u64 = 0;
  /** Bytes; 0 for no limit. */
  export let logSizeMax: u64 = 0;
  /** Bytes of all records; 0 for no limit. */
  export let logGlobalMax: u64 = 0;
  /** Older files that are kept when a file is full. */
  export let logFilesMax: u32 = 1;
}

/** Reads the command line, or ends the program. */
export function parse(): void {
  options.isDaemon = argument(1) != 0 && equals(argument(1), DAEMON_STAGE);
  for (let i = options.isDaemon ? 2 : 1; i < argumentsGiven(); i++) {
    const text = argument(i);
    // A word that is left over: podman's "1" behind --api-version, which takes no value.
    if (load<u8>(text) != MINUS || load<u8>(text + 1) == 0) continue;
    if (equals(text, "--")) break;
    if (load<u8>(text + 1) == MINUS ? long(text, argument(i + 1)) : short(text, argument(i + 1))) i++;
  }
  if (isGiven(Option.VERSION)) return printVersion();
  if (isGiven(Option.HELP)) return printHelp();
  check();
}

/** Whether the next argument was the option's value. */
function long(text: usize, next: usize): bool {
  let length: u32 = 2;
  while (load<u8>(text + length) != 0 && load<u8>(text + length) != EQUALS) length++;
  const option = find(text + 2, length - 2), hasValue = load<u8>(text + length) == EQUALS;
  if (option == Option.UNKNOWN) return refuse("conmon: unknown option", text);
  if (!takesValue(option)) {
    if (hasValue) return refuse("conmon: this option takes no value:", text);
    return set(option, text);
  }
  if (hasValue) return set(option, text + length + 1);
  if (next == 0) return refuse("conmon: this option needs a value:", text);
  set(option, next);
  return true;
}

/** Letters without values may stand together, the last one's value behind it: -ti, -b/run/one. */
function short(text: usize, next: usize): bool {
  for (let at = text + 1; load<u8>(at) != 0; at++) {
    const option = shortOption(load<u8>(at));
    if (option == Option.UNKNOWN) return refuse("conmon: unknown option", text);
    if (!takesValue(option)) {
      set(option, text);
      continue;
    }
    if (load<u8>(at + 1) != 0) return set(option, at + 1);
    if (next == 0) return refuse("conmon: this option needs a value:", text);
    set(option, next);
    return true;
  }
  return false;
}

function set(option: Option, text: usize): bool {
  if (option == Option.RUNTIME_ARG) runtimeArguments.add(text);
  else if (option == Option.RUNTIME_OPT) runtimeOptions.add(text);
  else if (option == Option.EXIT_COMMAND_ARG) exitArguments.add(text);
  else if (option == Option.LOG_PATH) logs.add(text);
  else if (option == Option.LOG_LABEL) labels.add(text);
  if (takesValue(option) && stringLength(text) >= PATH_BYTES) refuse("conmon: this value has 4,096 bytes or more:", text);
  store<u32>(values + <u32>option * 4, <u32>text);
  return false;
}

function refuse(what: string, text: usize): bool {
  fail(1, what, text, 0, "conmon --help shows all options");
  return false;
}

function check(): void {
  const isExec = isGiven(Option.EXEC), isAttached = isGiven(Option.EXEC_ATTACH);
  if (!isGiven(Option.CID)) return fail(1, "conmon: Container ID not provided. Use --cid");
  if (isGiven(Option.LOG_LEVEL) && !isLevel(value(Option.LOG_LEVEL))) return fail(1, "conmon: No such log level", value(Option.LOG_LEVEL));
  if (isGiven(Option.RESTORE) && isExec) return fail(1, "conmon: Cannot use 'exec' and 'restore' at the same time");
  if (!isExec && isAttached) return fail(1, "conmon: Attach can only be specified with exec");
  const isLegacy = isExec && !isGiven(Option.API_VERSION);
  if (isLegacy && isAttached) return fail(1, "conmon: Attach can only be specified for a non-legacy exec session");
  if (!isGiven(Option.CUUID) && !isLegacy) return fail(1, "conmon: Container UUID not provided. Use --cuuid");
  if (!isGiven(Option.RUNTIME)) return fail(1, "conmon: Runtime path not provided. Use --runtime");
  const found = pathType(value(Option.RUNTIME));
  if (found < 0) return failWithRuntime(found);
  if (isExec && !isGiven(Option.EXEC_PROCESS_SPEC)) {
    return fail(1, "conmon: Exec process spec path not provided. Use --exec-process-spec");
  }
  if (logs.count == 0) return fail(1, "conmon: Log driver not provided. Use --log-path");
  fillIn();
  options.timeoutMs = number(Option.TIMEOUT, SECONDS_MAX) * 1000;
  options.exitDelayMs = number(Option.EXIT_DELAY, SECONDS_MAX) * 1000;
  options.logSizeMax = number(Option.LOG_SIZE_MAX, u64.MAX_VALUE);
  options.logGlobalMax = number(Option.LOG_GLOBAL_SIZE_MAX, u64.MAX_VALUE);
  checkLogFiles();
}

function failWithRuntime(errno: i32): void {
  begin();
  put("conmon: Runtime path ");
  putString(value(Option.RUNTIME));
  put(" is not valid");
  putError(errno);
  tell();
  exit(1);
}

function isLevel(text: usize): bool {
  return equals(text, "error") || equals(text, "warn") || equals(text, "warning") || equals(text, "info") || equals(text, "debug")
    || equals(text, "trace") || equals(text, "fatal") || equals(text, "panic");
}

const here = cString(".");
const PIDFILE = "./pidfile-";

/** Without a bundle that is the current directory; and the runtime's pid file is there. */
function fillIn(): void {
  if (!isGiven(Option.BUNDLE) && !isGiven(Option.EXEC)) store<u32>(values + <u32>Option.BUNDLE * 4, <u32>here);
  if (isGiven(Option.CONTAINER_PIDFILE)) return;
  const at = claim(PIDFILE.length + stringLength(value(Option.CID)) + 1);
  store<u8>(putCopy(putText(at, PIDFILE), value(Option.CID)), 0);
  store<u32>(values + <u32>Option.CONTAINER_PIDFILE * 4, <u32>at);
}

function checkLogFiles(): void {
  const text = value(Option.LOG_MAX_FILES);
  if (text == 0) return;
  if (load<u8>(text) == MINUS) return fail(1, "conmon: log-max-files must be non-negative");
  const wanted = number(Option.LOG_MAX_FILES, u64.MAX_VALUE);
  if (wanted > FILES_MAX) return fail(1, "conmon: log-max-files cannot exceed 1000");
  if (wanted == 0 && isGiven(Option.LOG_ROTATE)) return fail(1, "conmon: log-max-files must be at least 1 when log-rotate is enabled");
  options.logFilesMax = <u32>max(wanted, 1);
}

/** A whole number; 0 when the option was not given. A negative one is conmon's way to say that there is no limit. */
function number(option: Option, most: u64): u64 {
  const text = value(option);
  if (text == 0) return 0;
  const isNegative = load<u8>(text) == MINUS, from = isNegative ? text + 1 : text, end = afterDigits(from);
  if (end == from || load<u8>(end) != 0 || digitsValue(from, end) > most) {
    refuse("conmon: not a whole number, or one that is too large:", text);
  }
  return isNegative ? 0 : digitsValue(from, end);
}

function printVersion(): void {
  begin();
  put("conmon version 2.2.1\ncommit: warden-wasm, docs/reference/monitor.md");
  printLine();
}

function printHelp(): void {
  begin();
  put("usage: conmon OPTION...\n");
  put("Starts a container, or a command in one, by an OCI runtime, and carries its output, input and exit code.\n");
  put("Needed: --cid ID, --cuuid ID, --runtime PATH, --log-path DRIVER[:PATH]; for a command also --exec and\n");
  put("--exec-process-spec FILE. Log drivers: k8s-file:PATH, json-file:PATH, journald, passthrough, passthrough-tty, none.\n");
  put("conmon(8) and docs/reference/monitor.md have the options:\n");
  for (let option = 1; option < <i32>Option.COUNT; option++) {
    put(option % 4 == 1 ? "\n  --" : "  --");
    put(nameOf(<Option>option));
  }
  printLine();
}

function printLine(): void {
  endLine();
  print(1, messageAt(), messageSize());
  exit(0);
}
