/**
 * exec: one more process in a container that runs.
 *
 *   joins the pid namespace → forks → the child joins the other namespaces, reports what fails, executes → pid file → exit, or waits
 *
 * The child is the caller's once this process has ended: its exit status comes to whoever waits there.
 */
import {
  close, connect, fork, joinNamespace, kill, openAt, OPENAT_READ, processControl, READ, read, routeSignals, seal,
  setProcessName, setsid, setUser, socketPair, wait, watch,
} from "../../../boundary/shim";
import { claim, exit } from "../../../boundary/wasi";
import { EAGAIN, EINVAL, ENOENT } from "../../../lib/errno";
import { jsonMember, jsonText } from "../../../lib/json/nodes";
import { INSTRUCTION_BYTES, INSTRUCTIONS_MAX } from "../../../lib/seccomp/index";
import { bit, SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGWINCH } from "../../../lib/signal";
import { cString, putDigits, putText } from "../../../lib/text";
import { exitCode, exited, signalOf } from "../../../wire/status";
import { joinGroups } from "../cgroup/make";
import { groupsOfState } from "../cgroup/groups";
import { checkProcess, readConfig, readFile, spec } from "../input/config";
import { die, leave, must } from "../files/end";
import { openTerminal, takeOpenTerminal } from "../process/terminal";
import { complainAbout, passOn, REPORT_FAILED, reportTo } from "../files/log";
import { options } from "../input/options";
import { look, readFully, seenInode } from "../files/paths";
import { writePidFile } from "../files/pid-file";
import {
  addHome, becomeProcess, enterWorkingDirectory, findCommand, hasTerminal, joinKeyring, overrideProcess, ownStdio,
  prepareProcess, setLimits, setOomScore, useFilter,
} from "../process/process";
import { setScheduling } from "../process/scheduling";
import { directory, FILTER } from "../files/state-directory";
import { recorded, requireState, Status, statusOf } from "../files/state";

/** The process in the container. */
namespace child {
  export let sync: i32 = -1, other: i32 = -1, console: i32 = -1, pid: i32 = 0;
}
let node: usize = 0;
let reported: bool = false;
const pair = memory.data(8, 4), raw = memory.data(8, 4);
const REPORT_MAX: u32 = 2048;
const report = memory.data(REPORT_MAX);

/** user, then those that are joined before it: from a user namespace one may not join the host's. */
const KINDS: i32 = 8;
const namespaces = memory.data(KINDS * 4, 4);
const PID_KIND: i32 = 0, TIME_KIND: i32 = 5, MOUNT_KIND: i32 = 6, USER_KIND: i32 = 7;

function kindName(kind: i32): string {
  switch (kind) {
    case PID_KIND: return "pid";
    case 1: return "net";
    case 2: return "ipc";
    case 3: return "uts";
    case 4: return "cgroup";
    // A kernel may have none.
    case TIME_KIND: return "time";
    case MOUNT_KIND: return "mnt";
    default: return "user";
  }
}

export function startExec(): void {
  const sealed = seal();
  if (sealed < 0) return die("cannot run from a sealed copy", 0, sealed, "memfd_create has to be allowed to execute (vm.memfd_noexec)");
  setProcessName(cString("warden-runtime"));
  requireState();
  const status = statusOf();
  if (status == Status.STOPPED) return die("cannot exec in a stopped container:", options.id);
  if (status == Status.PAUSED && !options.ignoresPause) return die("cannot exec in a paused container:", options.id);
  groupsOfState(recorded.root);
  plan();
  openNamespaces();
  forkProcess();
}

function plan(): void {
  if (options.processFile != 0) {
    node = readFile(options.processFile, false);
    checkProcess(node);
    prepareProcess(node);
  } else {
    if (options.restCount == 0) return die("exec needs a command, or --process FILE");
    readConfig(jsonText(jsonMember(recorded.root, "bundle")));
    node = spec.process;
    checkProcess(node);
    prepareProcess(node);
    overrideProcess();
  }
  readFilter();
  if (!hasTerminal && !options.tty) return;
  if (options.consoleSocket == 0) return die("a terminal is asked for: --console-socket has to name a socket that takes it");
  child.console = connect(options.consoleSocket);
  if (child.console < 0) die("cannot connect to the console socket", options.consoleSocket, child.console);
}

function readFilter(): void {
  const file = openAt(directory, FILTER, OPENAT_READ, 0);
  if (file < 0) return;
  const most = INSTRUCTIONS_MAX * INSTRUCTION_BYTES + 8, at = claim(most), got = readFully(file, at, most);
  close(file);
  if (got < 16) return die("the container's seccomp filter is damaged", 0, min(got, -EINVAL));
  useFilter(at + 8, (<u32>got - 8) / INSTRUCTION_BYTES, load<u32>(at));
}

const path = memory.data(48);

/** Handles of the container's namespaces that are others than this process's; -1 for one that is shared. */
function openNamespaces(): void {
  for (let kind = 0; kind < KINDS; kind++) {
    const theirs = openNamespace(recorded.pid, kind);
    if (theirs == -ENOENT && kind == TIME_KIND) {
      store<i32>(namespaces + kind * 4, -1);
      continue;
    }
    if (theirs < 0) return die("cannot open a namespace of the container's process", 0, theirs);
    look(theirs);
    const inode = seenInode(), own = openNamespace(0, kind);
    const same = own >= 0 && look(own) == 0 && seenInode() == inode;
    if (own >= 0) close(own);
    if (same) close(theirs);
    store<i32>(namespaces + kind * 4, same ? -1 : theirs);
  }
}

function openNamespace(process: i32, kind: i32): i32 {
  let to = putText(path, "/proc/");
  to = process == 0 ? putText(to, "self") : putDigits(to, process);
  store<u8>(putText(putText(to, "/ns/"), kindName(kind)), 0);
  return openAt(0, path, OPENAT_READ, 0);
}

const FORWARDED: u32 = bit(SIGHUP) | bit(SIGINT) | bit(SIGQUIT) | bit(SIGTERM) | bit(SIGWINCH);

function forkProcess(): void {
  const caught = routeSignals(bit(SIGCHLD) | (options.detach ? 0 : FORWARDED), 0), paired = socketPair(pair);
  if (caught < 0 || paired < 0) return die("cannot prepare for the process", 0, min(caught, paired));
  child.sync = load<i32>(pair);
  child.other = load<i32>(pair + 4);
  if (load<i32>(namespaces) >= 0) {
    // Of this process it says where its children are.
    const joined = joinNamespace(load<i32>(namespaces), 0);
    if (joined < 0) return die("cannot join the container's pid namespace", 0, joined);
  }
  child.pid = fork(0);
  if (child.pid < 0) return die("cannot start a process", 0, child.pid);
  close(child.other);
  if (child.console >= 0) close(child.console);
  watch(child.sync, READ);
}

/** PR_SET_DUMPABLE: until it executes, nobody in the container may look at the process. */
const DUMPABLE: u32 = 4;

export function execForked(): void {
  close(child.sync);
  reportTo(child.other);
  processControl(DUMPABLE, 0, 0);
  setsid();
  joinGroups(0);
  setOomScore();
  ownStdio();
  for (let kind = 1; kind < KINDS; kind++) {
    const joined = load<i32>(namespaces + kind * 4) < 0 ? 0 : joinNamespace(load<i32>(namespaces + kind * 4), 0);
    if (joined < 0) return die("cannot join a namespace of the container", 0, joined);
  }
  if (load<i32>(namespaces + USER_KIND * 4) >= 0) {
    const became = setUser(0, 0);
    if (became < 0) return die("cannot become root of the container's user namespace", 0, became);
  }
  joinKeyring();
  if (child.console >= 0) {
    openTerminal(node);
    takeOpenTerminal(child.console);
  }
  enterWorkingDirectory(false);
  setLimits();
  setScheduling();
  addHome();
  findCommand();
  becomeProcess(options.preserveFds);
}

// --- the parent

/** The socket ends when the child executes: nothing is left in it that could fail. */
export function execReady(): void {
  const got = read(child.sync, report, REPORT_MAX);
  if (got == -EAGAIN) return;
  watch(child.sync, 0);
  if (got > 0 && load<u8>(report) == REPORT_FAILED) {
    passOn(report + 1, got - 1);
    return leave(255);
  }
  const written = writePidFile(child.pid);
  if (written < 0) {
    complainAbout("cannot write the pid file", 0, written);
    return leave(255);
  }
  reported = true;
  if (options.detach) return exit(0);
  execSignal(SIGCHLD);
}

export function execSignal(signal: i32): void {
  if (signal != SIGCHLD) {
    kill(child.pid, signal);
    return;
  }
  if (!reported || options.detach || wait(child.pid, raw) != child.pid) return;
  const status = load<i32>(raw);
  exit(exited(status) ? exitCode(status) : 128 + signalOf(status));
}
