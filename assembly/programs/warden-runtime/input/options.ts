/** The command line of runc, as docs/reference/warden-runtime.md states it. */
import { capabilityNumber } from "../../../lib/capabilities";
import { argument, argumentsGiven, exit, variable } from "../../../boundary/wasi";
import { afterDigits, digitsValue, equals, putCopy, putText, stringLength } from "../../../lib/text";
import { die, failWith } from "../files/end";
import { logTo } from "../files/log";
import { ownUid, PATH_BYTES } from "../files/paths";
import { printHelp, printVersion } from "./texts";
import { giveUpdate, UPDATE_OPTIONS, updateOption } from "./update-options";

export const enum Command { CREATE, START, RUN, STATE, KILL, DELETE, EXEC, LIST, PS, PAUSE, RESUME, UPDATE, EVENTS, FEATURES, SPEC }

/** What the command line asks for. */
export namespace options {
  export let command: Command = Command.STATE;
  /** Where the state directories of all containers are. */
  export let root: usize = 0;
  /** 0 where the command takes none. */
  export let id: usize = 0;
  export let bundle: usize = 0, pidFile: usize = 0, consoleSocket: usize = 0, processFile: usize = 0, resourcesFile: usize = 0;
  export let noPivot: bool = false, noNewKeyring: bool = false, detach: bool = false, tty: bool = false, keep: bool = false;
  export let force: bool = false, all: bool = false, quiet: bool = false, json: bool = false, stats: bool = false;
  export let cgroupsDisabled: bool = false;
  /** events: the time between two reports. */
  export let intervalMs: u32 = 5000;
  export let preserveFds: u32 = 0;
  /** exec without a process.json: 0 where not given. */
  export let cwd: usize = 0, user: usize = 0;
  /** In addition to config.json's: capabilities as bits; no_new_privs; labels, 0 where not given. */
  export let capabilities: u64 = 0;
  export let noNewPrivileges: bool = false, ignoresPause: bool = false;
  export let apparmorProfile: usize = 0, selinuxLabel: usize = 0;
  export let gidCount: i32 = 0;
  /** update: a limit of kernel memory was given, which Linux has no more. */
  export let hasKernelMemory: bool = false;
  /** The first argument behind the id; how many there are. */
  export let rest: i32 = 0, restCount: i32 = 0;
  export let environmentCount: i32 = 0;
}
/** `list` looks at one container after the other. */
export function forgetId(next: usize): void { options.id = next; }

/** Values of -e, in the order given: exec's additional environment. */
export const ENVIRONMENT_MAX: i32 = 64;
const environment = memory.data(ENVIRONMENT_MAX * 4, 4);
export function environmentAt(index: i32): usize { return load<u32>(environment + index * 4); }

/** Values of --additional-gids. */
export const GIDS_MAX: i32 = 64;
const additionalGids = memory.data(GIDS_MAX * 4, 4);
export function additionalGidAt(index: i32): u32 { return load<u32>(additionalGids + index * 4); }

const DEFAULT_ROOT = "/run/warden-runtime";
const rootBuffer = memory.data(PATH_BYTES);

const MINUS: u8 = 0x2d, EQUALS: u8 = 0x3d;

/** Where the command line is read. */
namespace reading {
  /** The argument that is looked at, and the value of an option: the next argument, or what is behind its "=". */
  export let at: i32 = 1;
  export let given: usize = 0;
}

function current(): usize { return argument(reading.at); }

/** Whether the argument is this option, which takes no value; "=true" and "=false" are taken, too. */
function flag(name: string, short: string = ""): bool {
  const here = current();
  if (short.length > 0 && equals(here, short)) return true;
  if (!begins(here, name)) return false;
  const end = here + name.length;
  return load<u8>(end) == 0 || equals(end, "=true") || equals(end, "=false");
}

/** What the flag says. */
function on(): bool {
  const here = current(), length = stringLength(here);
  return length < 6 || !equals(here + length - 6, "=false");
}

function begins(text: usize, start: string): bool {
  for (let i = 0; i < start.length; i++) if (load<u8>(text + i) != <u8>start.charCodeAt(i)) return false;
  return true;
}

/** Whether the argument is this option, whose value is `given` then. */
function value(name: string, short: string = ""): bool {
  const here = current();
  if (equals(here, name) || short.length > 0 && equals(here, short)) {
    reading.given = argument(++reading.at);
    if (reading.given == 0) die("a value is missing behind", here);
    return true;
  }
  if (!begins(here, name) || load<u8>(here + name.length) != EQUALS) return false;
  reading.given = here + name.length + 1;
  return true;
}

function isOption(): bool {
  const here = current();
  return here != 0 && load<u8>(here) == MINUS && load<u8>(here + 1) != 0;
}

export function parse(): void {
  let log: usize = 0, logJson = false;
  for (; isOption(); reading.at++) {
    if (value("--root")) options.root = reading.given;
    else if (value("--log")) log = reading.given;
    else if (value("--log-format")) logJson = equals(reading.given, "json");
    else if (flag("--help", "-h")) return printHelp();
    else if (flag("--version", "-v")) return printVersion();
    else if (flag("--systemd-cgroup")) {
      if (on()) die("--systemd-cgroup is not supported: use the cgroup manager cgroupfs (podman: cgroup_manager = \"cgroupfs\")");
    } else if (value("--cgroup-manager")) useManager();
    else if (!flag("--debug") && !value("--criu") && !value("--rootless") && !value("--log-level")) die("unknown option:", current());
    logTo(log, logJson);
  }
  findRoot();
  if (current() == 0) return printHelp();
  takeCommand();
  for (reading.at++; isOption(); reading.at++) takeOption();
  takeOperands();
}

function useManager(): void {
  options.cgroupsDisabled = equals(reading.given, "disabled");
  if (!options.cgroupsDisabled && !equals(reading.given, "cgroupfs")) die("the cgroup manager is unknown, only cgroupfs and disabled are supported:", reading.given);
}

function findRoot(): void {
  if (options.root != 0) return;
  const runtime = variable("XDG_RUNTIME_DIR");
  options.root = rootBuffer;
  // Root's are in one place, whatever session they are started from.
  const end = runtime != 0 && stringLength(runtime) < PATH_BYTES - 32 && ownUid() != 0
    ? putText(putCopy(options.root, runtime), "/warden-runtime") : putText(options.root, DEFAULT_ROOT);
  store<u8>(end, 0);
}

function takeCommand(): void {
  const name = current();
  if (equals(name, "create")) options.command = Command.CREATE;
  else if (equals(name, "start")) options.command = Command.START;
  else if (equals(name, "run")) options.command = Command.RUN;
  else if (equals(name, "state")) options.command = Command.STATE;
  else if (equals(name, "kill")) options.command = Command.KILL;
  else if (equals(name, "delete")) options.command = Command.DELETE;
  else if (equals(name, "exec")) options.command = Command.EXEC;
  else if (equals(name, "list")) options.command = Command.LIST;
  else if (equals(name, "ps")) options.command = Command.PS;
  else if (equals(name, "pause")) options.command = Command.PAUSE;
  else if (equals(name, "resume")) options.command = Command.RESUME;
  else if (equals(name, "update")) options.command = Command.UPDATE;
  else if (equals(name, "events")) options.command = Command.EVENTS;
  else if (equals(name, "features")) options.command = Command.FEATURES;
  else if (equals(name, "spec")) options.command = Command.SPEC;
  else if (equals(name, "checkpoint") || equals(name, "restore")) die("not supported, for the state of a process cannot be kept:", name);
  else if (equals(name, "help")) printHelp();
  else die("unknown command:", name);
  if (options.command == Command.EXEC) failWith(255);
}

function takeOption(): void {
  if (flag("--help", "-h")) return printHelp();
  switch (options.command) {
    case Command.CREATE: case Command.RUN: return takeCreateOption();
    case Command.EXEC: return takeExecOption();
    case Command.KILL: if (flag("--all", "-a")) { options.all = on(); return; } break;
    case Command.DELETE: if (flag("--force", "-f")) { options.force = on(); return; } break;
    case Command.LIST: case Command.PS:
      if (value("--format", "-f")) { options.json = equals(reading.given, "json"); return; }
      if (flag("--quiet", "-q")) { options.quiet = on(); return; }
      break;
    case Command.UPDATE:
      if (value("--resources", "-r")) {
        options.resourcesFile = reading.given;
        return;
      }
      if (takeUpdateOption()) return;
      break;
    case Command.EVENTS:
      if (flag("--stats")) { options.stats = on(); return; }
      if (value("--interval")) {
        options.intervalMs = seconds();
        return;
      }
      break;
    case Command.SPEC: if (value("--bundle", "-b")) { options.bundle = reading.given; return; } break;
    default:
  }
  die("the command does not have the option", current());
}

function takeUpdateOption(): bool {
  for (let i = 0; i < UPDATE_OPTIONS; i++) {
    if (!value(updateOption(i))) continue;
    giveUpdate(i, reading.given);
    return true;
  }
  // Of kernel memory Linux has no limit any more.
  const isKernels = value("--kernel-memory") || value("--kernel-memory-tcp");
  if (isKernels) options.hasKernelMemory = true;
  return isKernels;
}

/** 5, 5s, 500ms. */
function seconds(): u32 {
  const end = afterDigits(reading.given), isMs = equals(end, "ms");
  const number = digitsValue(reading.given, end) * (isMs ? 1 : 1000);
  if (end == reading.given || !isMs && load<u8>(end) != 0 && !equals(end, "s") || number == 0 || number > 86_400_000) {
    die("--interval takes seconds above 0, or milliseconds with ms, not", reading.given);
  }
  return <u32>number;
}

function takeCreateOption(): void {
  if (value("--bundle", "-b")) options.bundle = reading.given;
  else if (value("--pid-file")) options.pidFile = reading.given;
  else if (value("--console-socket")) options.consoleSocket = reading.given;
  else if (value("--preserve-fds")) options.preserveFds = number();
  else if (flag("--no-pivot")) options.noPivot = on();
  else if (flag("--no-new-keyring")) options.noNewKeyring = on();
  else if (options.command == Command.RUN && flag("--detach", "-d")) options.detach = on();
  else if (options.command == Command.RUN && flag("--keep")) options.keep = on();
  // What they ask for is so in any case: there is no subreaper, and a container's end is its init's.
  else if (!flag("--no-subreaper")) die("the command does not have the option", current());
}

function takeExecOption(): void {
  if (value("--process", "-p")) options.processFile = reading.given;
  else if (value("--pid-file")) options.pidFile = reading.given;
  else if (value("--console-socket")) options.consoleSocket = reading.given;
  else if (value("--preserve-fds")) options.preserveFds = number();
  else if (flag("--detach", "-d")) options.detach = on();
  else if (flag("--tty", "-t")) options.tty = on();
  else if (value("--cwd")) options.cwd = reading.given;
  else if (value("--user", "-u")) options.user = reading.given;
  else if (value("--cap", "-c")) takeCapability();
  else if (value("--additional-gids", "-g")) takeGid();
  else if (flag("--no-new-privs")) options.noNewPrivileges = on();
  else if (flag("--ignore-paused")) options.ignoresPause = on();
  else if (value("--apparmor")) options.apparmorProfile = reading.given;
  else if (value("--process-label")) options.selinuxLabel = reading.given;
  else if (value("--cgroup")) requireTop();
  else if (value("--env", "-e")) {
    if (options.environmentCount == ENVIRONMENT_MAX) die("more than 64 of --env");
    store<u32>(environment + options.environmentCount++ * 4, <u32>reading.given);
  } else if (!flag("--no-subreaper")) die("the command does not have the option", current());
}

function takeCapability(): void {
  const known = capabilityNumber(reading.given, stringLength(reading.given));
  if (known < 0) die("--cap has a name that is none:", reading.given);
  options.capabilities |= <u64>1 << known;
}

function takeGid(): void {
  const end = afterDigits(reading.given);
  if (end == reading.given || load<u8>(end) != 0 || digitsValue(reading.given, end) > 0xffff_fffe) die("--additional-gids takes a group's number, not", reading.given);
  if (options.gidCount == GIDS_MAX) die("more than 64 of --additional-gids");
  store<u32>(additionalGids + options.gidCount++ * 4, <u32>digitsValue(reading.given, end));
}

/** A command is in the container's own control groups. */
function requireTop(): void {
  if (!equals(reading.given, "/") && load<u8>(reading.given) != 0) die("--cgroup takes / alone, groups below the container's are not supported:", reading.given);
}

/** Descriptors that a host keeps for a program, without the standard ones. */
const PRESERVED_MAX: u64 = 29;

function number(): u32 {
  const end = afterDigits(reading.given);
  if (end == reading.given || load<u8>(end) != 0 || digitsValue(reading.given, end) > PRESERVED_MAX) die("--preserve-fds takes a number from 0 to 29, not", reading.given);
  return <u32>digitsValue(reading.given, end);
}

function takeOperands(): void {
  if (options.command == Command.FEATURES || options.command == Command.SPEC || options.command == Command.LIST) return noMore();
  options.id = current();
  if (options.id == 0) die("the container's id is missing");
  checkId();
  options.rest = ++reading.at;
  options.restCount = argumentsGiven() - options.rest;
  if (options.command != Command.EXEC && options.command != Command.KILL && options.command != Command.PS) noMore();
}

function noMore(): void {
  if (current() != 0) die("there are more arguments than the command takes:", current());
}

const ID_BYTES: u32 = 1024;

/** An id is a file name, too. */
function checkId(): void {
  const length = stringLength(options.id);
  if (length == 0 || length > ID_BYTES || equals(options.id, ".") || equals(options.id, "..")) die("the container's id is empty, too long, or one of . and ..:", options.id);
  for (let i: u32 = 0; i < length; i++) if (!isIdByte(load<u8>(options.id + i))) die("the container's id has a character that is none of A-Z a-z 0-9 _ + - .:", options.id);
}

function isIdByte(byte: u8): bool {
  const letter: u8 = byte | 0x20;
  return letter >= 0x61 && letter <= 0x7a || byte >= 0x30 && byte <= 0x39 || byte == 0x5f || byte == 0x2b || byte == MINUS || byte == 0x2e;
}

/** For printHelp and printVersion, which the parser does not come back from. */
export function finish(): void { exit(0); }
