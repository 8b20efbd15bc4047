/**
 * monitor: conmon's work for one container, or for one command in one. docs/reference/monitor.md
 *
 * The first process waits until its caller has moved it (start pipe), starts the daemon and ends: the caller waits for that.
 * The daemon:
 *
 *   WAITING (exec: for the caller to attach) → CREATING (the runtime runs) → RUNNING → DRAINING (the container ended; what it wrote
 *   is read) → DELIVERING (clients get the rest) → LEAVING (exit delay, exit command) → exit
 */
import {
  adoptChild, close, duplicate, kill, pipe, read, READ, setsid, setChildSubreaper, setPipeSize,
  setWindowSize, routeSignals, setNonblocking, wait, watch,
} from "../../boundary/shim";
import { exit, loadArguments, loadEnvironment } from "../../boundary/wasi";
import { messageAt, messageSize } from "../../lib/diagnostics";
import { EAGAIN, ECHILD } from "../../lib/errno";
import { fail, printError } from "../../lib/diagnostics";
import { bit, SIGCHLD, SIGKILL, SIGTERM } from "../../lib/signal";
import {
  acceptClients, allServed, clientOf, closeAttach, dropSlow, isAttach, listenToAll, openAttach, progress, serveClient, takeInputEnd,
  watchListener,
} from "./attach";
import { closeStartPipe, closeSyncPipe, handPipesOn, pipes, takePipes } from "./caller";
import { closeConsole, consolePath, isConsole, openConsole, takeTerminal } from "./console";
import { Control, isControl, openControls, readControl, windowSize } from "./control";
import { arm, Deadline, startDeadline, stopDeadline, takeDeadline } from "./deadlines";
import { claimHistory, Stream } from "./history";
import { claimInput, closeInput, flushInput, isInput, openInput } from "./input";
import { endJournal, flushJournal, isJournal, journalIsBlocked } from "./journal";
import { claimLog, endLog, logPath, openLog, parseLogs, primary, reopenLog, syncLog } from "./log";
import { protectFromOom, unprotectFromOom } from "./files/oom-score";
import { closeNotify, isNotify, openNotify, relay } from "./notify";
import { isGiven, options, parse, value } from "./options";
import { Option } from "./option-names";
import { endRest, isOutput, limitOutput, openOutput, outputEnded, pumpAll, pumpOutput, readError, TERMINAL, watchOutput } from "./output";
import {
  beginDaemon, executeError, PRESERVED_MAX, preservedWanted, startDaemon, startExitCommand, startRuntime, takePreserved, wordsMax,
} from "./runtime";
import { ranOutOfMemory, watchMemory } from "./files/memory-events";
import { linkBundle } from "./files/socket-link";
import { readContainerPid, writeExitCode, writeMonitorPid, writeOom } from "./files/status-files";
import { report } from "./sync";
import { claimWords } from "./words";

/** Clients that do not take the rest of the output for so long are closed. */
const DELIVERY_DEADLINE_MS: u64 = 10_000;
/** What the pipes from the container shall hold: fewer turns for the same bytes. */
const PIPE_BYTES: u32 = 1 << 18;
/** When accept found no descriptors: the next try. */
const RETRY_MS: u64 = 100;
/** As much of the runtime's error as conmon reports. */
const ERROR_BYTES: u32 = 8192;
const error = memory.data(ERROR_BYTES);

/** wait(2)'s status of a process that ended with 255. */
const STATUS_UNKNOWN: i32 = 255 << 8;

const enum State { FIRST, WAITING, CREATING, RUNNING, DRAINING, DELIVERING, LEAVING }
let state: State = State.FIRST;

const pair = memory.data(8, 4);
/** 0 before the start of each, and after its end. */
namespace pids {
  export let runtime: i32 = 0;
  export let container: i32 = 0;
  export let exitCommand: i32 = 0;
}
let terminal: i32 = 0;
namespace outcome {
  /** `TIMED_OUT` for a container that was killed because its time was over. */
  export let exitCode: i32 = 0;
  export let timedOut: bool = false;
}
const TIMED_OUT: i32 = -1;
/** `progress` at the last delivery deadline. */
let progressSeen: u64 = 0;
/** Children that ended before the pid file was read: pid and status of each. One of them may be the container, others are hooks' orphans. */
const EARLY_MAX: u32 = 64;
const earlyEnds = memory.data(EARLY_MAX * 8, 4);
let earlyCount: u32 = 0;

function rememberEnd(pid: i32, status: i32): void {
  const at = earlyEnds + (earlyCount++ % EARLY_MAX) * 8;
  store<i32>(at, pid);
  store<i32>(at + 4, status);
}

/** Where the status of an early end is; 0 when there was none. */
function earlyEnd(pid: i32): usize {
  for (let i: u32 = 0; i < min(earlyCount, EARLY_MAX); i++) if (load<i32>(earlyEnds + i * 8) == pid) return earlyEnds + i * 8 + 4;
  return 0;
}

function moveTo(next: State): void {
  assert(next > state, "a container never goes back");
  state = next;
}

export function onStart(): void {
  loadArguments();
  loadEnvironment();
  parse();
  parseLogs();
  claimWords(wordsMax());
  claimHistory();
  claimInput();
  claimLog();
  const opened = openLog();
  if (opened < 0) return fail(1, "conmon: Failed to open log file", logPath(), opened);
  if (preservedWanted() > PRESERVED_MAX) return fail(1, "conmon: --preserve-fds hands on at most 26 descriptors");
  const taken = takePreserved();
  if (taken < 0) return fail(1, "conmon: a descriptor that --preserve-fds names is not open", 0, taken);
  const piped = takePipes();
  if (piped < 0) return fail(1, "conmon: a descriptor that _OCI_SYNCPIPE, _OCI_STARTPIPE or _OCI_ATTACHPIPE names is not open", 0, piped);
  if (isGiven(Option.EXEC_ATTACH) && pipes.attach == 0) return fail(1, "conmon: --attach specified but _OCI_ATTACHPIPE was not");
  if (options.isDaemon) return beginMonitor();
  if (pipes.start > 0) watch(pipes.start, READ);
  else beginFirst();
}

/** The caller has moved this process where the container's monitor is to be. */
function beginFirst(): void {
  if (isGiven(Option.SYNC)) {
    setsid();
    return beginMonitor();
  }
  const begun = beginDaemon(primary.passesThrough);
  if (begun < 0) return fail(1, "conmon: cannot open /dev/null", 0, begun);
  handPipesOn();
  const pid = startDaemon();
  if (pid < 0) return fail(1, "conmon: cannot start the monitor", 0, pid);
  exit(writeMonitorPid(pid) ? 0 : 1);
}

function beginMonitor(): void {
  moveTo(State.WAITING);
  const caught = routeSignals(bit(SIGCHLD) | bit(SIGTERM), 0);
  if (caught < 0) return fail(1, "conmon: cannot wait for signals", 0, caught);
  setChildSubreaper(1);
  const failed = openSockets();
  if (failed < 0) return refuse("conmon: cannot make the container's sockets", failed);
  const notified = openNotify(value(Option.BUNDLE));
  if (notified < 0) return refuse("conmon: cannot relay to --sdnotify-socket", notified);
  if (pipes.attach == 0) return createContainer();
  // podman attaches before the command runs, and writes to the start pipe once more.
  report(pipes.attach, 0);
  if (pipes.start == 0) createContainer();
  else watch(pipes.start, READ);
}

/** Nobody attaches to a command without a bundle, nor to a container that has the caller's own stdout. */
function openSockets(): i32 {
  if (!isGiven(Option.BUNDLE) || primary.passesThrough) return 0;
  const bundle = value(Option.BUNDLE), linked = linkBundle(), attached = linked < 0 ? linked : openAttach(bundle);
  return attached < 0 ? attached : openControls(bundle);
}

function onStartPipe(): void {
  const got = read(pipes.start, error, ERROR_BYTES);
  if (got == -EAGAIN) return;
  watch(pipes.start, 0);
  if (got < 0) return refuse("conmon: start-pipe read failed", got);
  if (state == State.FIRST) return beginFirst();
  closeStartPipe();
  createContainer();
}

function createContainer(): void {
  moveTo(State.CREATING);
  const hasTerminal = isGiven(Option.TERMINAL);
  const failed = hasTerminal ? openConsole() : 0;
  if (failed < 0) return refuse("conmon: cannot listen on the console socket", failed);
  const stdin = !hasTerminal && isGiven(Option.STDIN) ? openPipe(PipeOf.STDIN) : 0;
  const stdout = hasTerminal || primary.passesThrough ? 0 : openPipe(PipeOf.STDOUT);
  const stderr = primary.passesThrough && !hasTerminal ? 0 : openPipe(PipeOf.STDERR);
  if (stdin < 0 || stdout < 0 || stderr < 0) return refuse("conmon: cannot make a pipe", min(stdin, min(stdout, stderr)));
  pids.runtime = startRuntime(stdin, stdout, stderr, primary.passesThrough, hasTerminal ? consolePath() : 0);
  for (let end: i32 = 0; end < 3; end++) {
    const theirs = end == 0 ? stdin : end == 1 ? stdout : stderr;
    if (theirs > 0) close(theirs);
  }
  if (pids.runtime < 0) return refuse("conmon: cannot start the runtime", pids.runtime);
  protectFromOom();
}

const enum PipeOf { STDIN, STDOUT, STDERR }

/** A pipe to or from the container: its end, or a negated errno. */
function openPipe(stream: PipeOf): i32 {
  const made = pipe(pair);
  if (made < 0) return made;
  const readEnd = load<i32>(pair), writeEnd = load<i32>(pair + 4);
  setNonblocking(stream == PipeOf.STDIN ? writeEnd : readEnd);
  if (stream == PipeOf.STDIN) {
    openInput(writeEnd, false);
    return readEnd;
  }
  const capacity = setPipeSize(readEnd, PIPE_BYTES);
  openOutput(stream == PipeOf.STDOUT ? 0 : 1, readEnd, stream == PipeOf.STDOUT ? Stream.STDOUT : Stream.STDERR, max(capacity, 0));
  return writeEnd;
}

export function onReady(handle: i32, events: i32): void {
  if (handle == pipes.start) return onStartPipe();
  if (isAttach(handle)) return acceptAll();
  if (isConsole(handle)) return connectTerminal();
  if (isControl(handle)) return obey(readControl(handle));
  if (isNotify(handle)) return relay();
  if (isJournal(handle)) {
    flushJournal();
    if (!journalIsBlocked()) pumpAll();
  } else if (isOutput(handle)) pumpOutput(handle);
  else if (isInput(handle)) {
    if (flushInput()) listenToAll();
  } else {
    const client = clientOf(handle);
    if (client != 0) serve(client, events);
  }
  advance();
}

function acceptAll(): void {
  if (acceptClients()) return;
  watchListener(false);
  startDeadline(Deadline.ACCEPT, RETRY_MS);
}

function serve(client: usize, events: i32): void {
  serveClient(client, events);
  listenToAll();
  // There may be room now for what the container could not write.
  if (state == State.RUNNING || state == State.DRAINING) pumpAll();
}

function obey(control: Control): void {
  // The output closes the terminal at its end.
  if (control == Control.RESIZE && terminal > 0 && isOutput(terminal)) setWindowSize(terminal, windowSize.rows, windowSize.columns);
  else if (control == Control.REOPEN_LOG) reopenLog();
}

function connectTerminal(): void {
  const came = takeTerminal();
  if (came == -EAGAIN) return;
  if (came < 0) return refuse("conmon: the runtime sent no terminal", came);
  terminal = came;
  openOutput(0, terminal, Stream.STDOUT, TERMINAL);
  const input = duplicate(terminal);
  if (input > 0) openInput(input, true);
}

export function onSignal(signal: i32): void {
  if (signal == SIGCHLD) return reap();
  const target = pids.container > 0 ? pids.container : pids.runtime;
  if (state < State.DRAINING && target > 0) kill(target, signal);
}

function reap(): void {
  for (let pid = wait(-1, pair); pid > 0; pid = wait(-1, pair)) {
    const status = load<i32>(pair);
    if (pid == pids.runtime) onRuntimeEnd(status);
    else if (pid == pids.container && state == State.RUNNING) onContainerEnd(status);
    else if (pid == pids.exitCommand) leave();
    else if (state == State.CREATING) rememberEnd(pid, status);
  }
}

function codeOf(status: i32): i32 { return (status & 0x7f) == 0 ? status >> 8 & 0xff : 128 + (status & 0x7f); }

function onRuntimeEnd(status: i32): void {
  pids.runtime = 0;
  const failed = executeError();
  if (failed != 0) return refuse("conmon: cannot execute the runtime", failed);
  if (status != 0) return reportRuntimeError(codeOf(status));
  // The runtime has sent the terminal before it ended.
  if (isGiven(Option.TERMINAL) && terminal == 0) connectTerminal();
  if (state > State.CREATING) return;
  if (isGiven(Option.TERMINAL) && terminal == 0) return refuse("conmon: the runtime sent no terminal", 0);
  const pid = readContainerPid();
  if (pid < 0) return refuse("conmon: the runtime wrote no pid file", pid);
  pids.container = pid;
  moveTo(State.RUNNING);
  // Who does not call with --api-version reads one number of a command, its exit code.
  if (isGiven(Option.API_VERSION) || !isGiven(Option.EXEC)) report(pipes.sync, pid);
  watchMemory(pid);
  // Until now stderr was the runtime's.
  watchOutput();
  if (options.timeoutMs > 0) startDeadline(Deadline.TIMEOUT, options.timeoutMs);
  const ended = earlyEnd(pid);
  if (ended != 0) return onContainerEnd(load<i32>(ended));
  // Another process has reaped it: it has ended, and nobody knows how.
  if (adoptChild(pid) == -ECHILD) onContainerEnd(STATUS_UNKNOWN);
}

/** What the runtime wrote to stderr is what the user has to read. */
function reportRuntimeError(code: i32): void {
  const size = readError(error, ERROR_BYTES);
  report(pipes.sync, isGiven(Option.EXEC) ? -code : -1, error, size);
  abandon();
}

/** The container could not be started. */
function refuse(what: string, errno: i32): void {
  printError(what, 0, errno);
  report(pipes.sync, -1, messageAt(), messageSize() - 1);
  abandon();
}

function abandon(): void {
  if (state == State.FIRST) return exit(1);
  outcome.exitCode = 1;
  closeConsole();
  if (state < State.DELIVERING) moveTo(State.DELIVERING);
  finish();
}

function onContainerEnd(status: i32): void {
  outcome.exitCode = outcome.timedOut ? TIMED_OUT : codeOf(status);
  moveTo(State.DRAINING);
  stopDeadline(Deadline.TIMEOUT);
  acceptClients();
  relay();
  limitOutput();
  pumpAll();
  startDeadline(Deadline.DELIVERY, DELIVERY_DEADLINE_MS);
  advance();
}

/** Goes on to whatever the end of the output and the clients' reading allow. */
function advance(): void {
  if (takeInputEnd() && !isGiven(Option.LEAVE_STDIN_OPEN)) closeInput();
  if (state == State.DRAINING && outputEnded()) {
    moveTo(State.DELIVERING);
    endJournal();
    endLog();
    syncLog();
    if (ranOutOfMemory()) writeOom();
    writeExitCode(outcome.exitCode);
    if (isGiven(Option.EXEC)) reportExit();
    closeSyncPipe();
  }
  if (state == State.DELIVERING && allServed()) return finish();
}

const TIMED_OUT_WORDS: string = "command timed out";

function reportExit(): void {
  if (!outcome.timedOut) return report(pipes.sync, outcome.exitCode);
  for (let i = 0; i < TIMED_OUT_WORDS.length; i++) store<u8>(error + i, <u8>TIMED_OUT_WORDS.charCodeAt(i));
  report(pipes.sync, outcome.exitCode, error, TIMED_OUT_WORDS.length);
}

function finish(): void {
  moveTo(State.LEAVING);
  closeAttach(value(Option.BUNDLE));
  closeNotify(value(Option.BUNDLE));
  stopDeadline(Deadline.DELIVERY);
  if (!isGiven(Option.EXIT_COMMAND)) return leave();
  if (options.exitDelayMs == 0) return runExitCommand();
  startDeadline(Deadline.EXIT_COMMAND, options.exitDelayMs);
}

function runExitCommand(): void {
  setChildSubreaper(0);
  unprotectFromOom();
  pids.exitCommand = startExitCommand();
  if (pids.exitCommand < 0) leave();
}

function leave(): void { exit(outcome.exitCode & 0xff); }

export function onDeadline(): void {
  if (takeDeadline(Deadline.ACCEPT)) watchListener(true);
  if (takeDeadline(Deadline.TIMEOUT)) {
    outcome.timedOut = true;
    kill(pids.container, SIGKILL);
  }
  if (takeDeadline(Deadline.EXIT_COMMAND)) return runExitCommand();
  if (takeDeadline(Deadline.REST)) {
    endRest();
    pumpAll();
  }
  if (takeDeadline(Deadline.DELIVERY)) {
    startDeadline(Deadline.DELIVERY, DELIVERY_DEADLINE_MS);
    if (progress == progressSeen) {
      dropSlow();
      if (journalIsBlocked()) endJournal();
    }
    progressSeen = progress;
    pumpAll();
    advance();
  }
  arm();
}

export function onTrap(): i32 {
  closeAttach(value(Option.BUNDLE));
  return 1;
}
