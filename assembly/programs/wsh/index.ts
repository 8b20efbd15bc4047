/**
 * wsh: runs a command in a container, or a shell, through the socket of its wshd. docs/reference/wsh.md
 *
 *   CONNECTING → SENDING (the request) → AWAITING (the answer) → RELAYING → ENDING (status read, rest relayed) → exit
 */
import {
  adoptFd, CAN_READ, CAN_WRITE, close, connect, copyWindowSize, duplicate, FileType, handleType, pipeTag, raise, read,
  READ, receive, restoreTermios, routeSignals, setNonblocking, setPipeSize, setRawMode, setWindowSize, wakeAfter, watch, write, WRITE,
} from "../../boundary/shim";
import { argument, exit, loadArguments, loadEnvironment } from "../../boundary/wasi";
import { cString } from "../../lib/text";
import { Ending } from "../../lib/outcome";
import { EAGAIN, ECONNREFUSED, ENOENT, EPROTO } from "../../lib/errno";
import { fail } from "../../lib/diagnostics";
import { BUFFER_BYTES, Flow, isPipeEnd, isTerminal, Relay } from "../../lib/relay";
import { bit, SIGHUP, SIGINT, SIGNAL_MAX, SIGQUIT } from "../../lib/signal";
import { REQUEST_BYTES } from "../../wire/request";
import { HANDLES_MAX, PipesHandle, PtyHandle, RESPONSE_BYTES, responseIsGood } from "../../wire/response";
import { RecordKind } from "../../wire/record";
import { Target } from "../../wire/signal";
import { dumpedCore, EXIT_UNKNOWN, exitCode, exited, exitStatus, rawExit, signalOf, STATUS_BYTES } from "../../wire/status";
import { composeRequest, isVersion2, unseen } from "./compose";
import { adviceOnSilence, request } from "./protocol-1";
import { send2, sendSignalTo } from "./protocol-2";
import { problem, problemErrno, problemOf } from "./problem";
import { printFailure, recordedFigure, recordedStatus, takeRecord } from "./records";
import { options, parse } from "./options";
import { connection, moveTo, State, state, terminal } from "./state";
import { CTRL_D, onSignal, passedSignals, SIGNAL_STATUS, TERMINAL_SIGNALS, type } from "./signals";
import { printBadLimit, printDeath, printHelp, printProbe } from "./help";
import { Probe, ssh } from "./ssh";
import { knowsSubsystem } from "./ssh-command";
import { adoptOutput, decideFirstSize, firstSize, hasNoInput, isMissing, lossOf, PIPE_BYTES, PTY_BYTES_MAX, wantsPty } from "./stdio";
import { sshSocketPath } from "./ssh-host";

/** An original wshd serves one client at a time: a slow one delays the answer without any fault. */
const ANSWER_DEADLINE_MS: i32 = 30_000;
/** While wshd's queue of connections is full: interval and number of the tries. An original's queue is soon full. */
const CONNECT_INTERVAL_MS: i32 = 50;
const CONNECT_ATTEMPTS: i32 = 600;
/** Interval at which a pty without a slave is read again: only the command's exit status ends it. */
const HANGUP_INTERVAL_MS: i32 = 100;

const response = memory.data(8);
/** Room for one handle more than an answer has, to detect a surplus one. */
const handles = memory.data((HANDLES_MAX + 1) * 4, 4);

/** The socket without --socket. */
let defaultPath: usize = 0;
namespace outcome {
  export let exitWith: i32 = EXIT_UNKNOWN;
  export let ended: i32 = Ending.NONE;
  /** Errno of a status that could not be read; 0 without. */
  export let unread: i32 = 0;
}
/** Streams that this process does not have. */
namespace missing {
  /** The program was started without stdout or stderr: bytes written there are not lost output. */
  export let output: bool = false, errors: bool = false;
}

const input = changetype<Relay>(memory.data(offsetof<Relay>(), 8));
const output = changetype<Relay>(memory.data(offsetof<Relay>(), 8));
const errors = changetype<Relay>(memory.data(offsetof<Relay>(), 8));
const inputBuffer = memory.data(BUFFER_BYTES), outputBuffer = memory.data(BUFFER_BYTES), errorsBuffer = memory.data(BUFFER_BYTES);

export function onStart(): void {
  loadArguments();
  loadEnvironment();
  if (!parse()) return refuseOptions();
  defaultPath = options.isSsh ? sshSocketPath() : cString("run/wshd.sock");
  if (options.isSsh && ssh.probe != Probe.NONE) {
    printProbe();
    return exit(0);
  }
  if (options.isSsh && !knowsSubsystem()) return giveUp(Ending.USAGE, "wsh: --ssh knows the subsystem sftp only, not", ssh.line);
  terminal.local = adoptFd(0);
  const stdinIsTerminal = isTerminal(terminal.local);
  terminal.isAskedFor = wantsPty(stdinIsTerminal);
  terminal.atTerminal = terminal.isAskedFor && !hasNoInput() && stdinIsTerminal;
  decideFirstSize(terminal.atTerminal ? terminal.local : -1);
  if (!composeRequest(terminal.isAskedFor, options.socketPath != 0 ? options.socketPath : defaultPath)) return refuseRequest();
  connectAndSend();
}

function refuseOptions(): void {
  if (options.helpWanted) {
    printHelp();
    return exit(0);
  }
  outcome.ended = Ending.USAGE;
  if (options.isSsh) return fail(EXIT_UNKNOWN, "wsh: --ssh cannot do this, or its value is missing:", argument(options.badIndex), 0, "docs/reference/wsh.md has the options");
  fail(1, "wsh: invalid option, or one without its value:", argument(options.badIndex), 0, "wsh --help shows all of them");
}

function giveUp(how: Ending, what: string, subject: usize = 0, errno: i32 = 0, advice: string = ""): void {
  outcome.ended = how;
  fail(EXIT_UNKNOWN, what, subject, errno, advice);
}

function refuseRequest(): void {
  if (problem.length > 0) return giveUp(problemErrno != 0 ? Ending.REFUSED : Ending.USAGE, problem, problemOf, problemErrno);
  outcome.ended = Ending.USAGE;
  printBadLimit();
  exit(EXIT_UNKNOWN);
}

function connectAndSend(): void {
  const path = options.socketPath != 0 ? options.socketPath : defaultPath;
  connection.socket = unseen < 0 ? unseen : connect(path);
  if (connection.socket == -EAGAIN && ++connection.attempts < CONNECT_ATTEMPTS) {
    wakeAfter(CONNECT_INTERVAL_MS);
    return;
  }
  if (connection.socket == -ECONNREFUSED || connection.socket == -ENOENT) {
    return giveUp(Ending.UNREACHED, "wsh: cannot connect to", path, connection.socket, "is wshd running in this container? (--socket PATH)");
  }
  const advice = connection.socket == -EAGAIN ? "its wshd does not accept connections" : "";
  if (connection.socket < 0) return giveUp(Ending.UNREACHED, "wsh: cannot connect to", path, connection.socket, advice);
  moveTo(State.SENDING);
  wakeAfter(ANSWER_DEADLINE_MS);
  // From now on they are the command's, which may start before its record comes.
  if (isVersion2 && !terminal.isAskedFor) routeSignals(passedSignals(), 0);
  send();
}

function send(): void {
  if (isVersion2) return sendVersion2();
  while (connection.sent < REQUEST_BYTES) {
    const wrote = write(connection.socket, request + connection.sent, REQUEST_BYTES - connection.sent);
    if (wrote == -EAGAIN) {
      watch(connection.socket, WRITE);
      return;
    }
    if (wrote < 0) return refuseSending(wrote);
    connection.sent += wrote;
  }
  moveTo(State.AWAITING);
  watch(connection.socket, READ);
}

function refuseSending(errno: i32): void {
  giveUp(Ending.REFUSED, "wsh: cannot send the request", 0, errno, "wshd closed the connection");
}

function sendVersion2(): void {
  const result = send2(connection.socket);
  if (result < 0 && result != -EAGAIN) return refuseSending(result);
  if (result > 0) moveTo(State.AWAITING);
  watch(connection.socket, result > 0 ? READ : WRITE);
}

/** The first record: the command's descriptors, or why there are none. */
function takeFirstRecord(): void {
  const kind = takeRecord(connection.socket, handles, HANDLES_MAX + 1);
  if (kind == -EAGAIN) return;
  if (kind == RecordKind.FAILED) return failed();
  if (kind == 0) return unanswered();
  if (kind < 0 && kind != -EPROTO) return giveUp(Ending.REFUSED, "wsh: cannot receive wshd's answer", 0, kind);
  if (kind != RecordKind.RUNNING) return giveUp(Ending.PROTOCOL, "wsh: wshd's answer is not of protocol version 2");
  wakeAfter(-1);
  const place = handles + (terminal.isAskedFor ? <i32>PtyHandle.STATUS : <i32>PipesHandle.STATUS) * 4;
  if (load<i32>(place) >= 0) return refuseDescriptors();
  store<i32>(place, connection.socket);
  takeDescriptors();
}

function failed(): void {
  if (terminal.atTerminal && state == State.RELAYING) restoreTermios(terminal.local);
  outcome.ended = Ending.FAILED;
  printFailure();
  exit(EXIT_UNKNOWN);
}

/** The last record. */
function takeEnd(): void {
  const kind = takeRecord(connection.status, handles, 0);
  if (kind == -EAGAIN) return;
  if (kind == RecordKind.FAILED) return failed();
  const raw = kind == RecordKind.ENDED ? recordedStatus() : -1;
  outcome.exitWith = raw >= 0 && exited(raw) ? exitCode(raw) : -1;
  outcome.ended = raw;
  outcome.unread = min(kind, 0);
  if (outcome.exitWith < 0) noteDeath(max(raw, 0));
  drain();
}

function takeAnswer(): void {
  if (isVersion2) return takeFirstRecord();
  const got = receive(connection.socket, response, RESPONSE_BYTES, handles, HANDLES_MAX + 1);
  if (got == -EAGAIN) return;
  if (got < 0) return giveUp(Ending.REFUSED, "wsh: cannot receive wshd's answer", 0, got);
  if (got == 0) return unanswered();
  if (got != RESPONSE_BYTES || !responseIsGood(response)) return giveUp(Ending.PROTOCOL, "wsh: wshd's answer is not of protocol version 1");
  close(connection.socket);
  wakeAfter(-1);
  takeDescriptors();
}

function unanswered(): void {
  giveUp(Ending.REFUSED, "wsh: wshd refused the request: it closed the connection without an answer", 0, 0, adviceOnSilence());
}

function refuseDescriptors(): void {
  giveUp(Ending.PROTOCOL, "wsh: wshd's answer does not carry the descriptors that the protocol asks for");
}

function takeDescriptors(): void {
  if (!(terminal.isAskedFor ? acceptPty() : acceptPipes())) return refuseDescriptors();
  moveTo(State.RELAYING);
  watch(connection.status, READ);
  input.pump();
  output.pump();
  errors.pump();
}

function handleAt(index: i32): i32 { return load<i32>(handles + index * 4); }

/** Validates the answer: exactly these handles, each a pipe's end in the right direction. */
function acceptPipes(): bool {
  const stdin = handleAt(PipesHandle.STDIN), stdout = handleAt(PipesHandle.STDOUT), stderr = handleAt(PipesHandle.STDERR);
  connection.status = handleAt(PipesHandle.STATUS);
  if (handleAt(PipesHandle.COUNT) >= 0) return false;
  if (!isPipeEnd(stdin, CAN_WRITE) || !isPipeEnd(stdout, CAN_READ)) return false;
  if (!isPipeEnd(stderr, CAN_READ) || !isStatus()) return false;
  for (let i = 0; i < PipesHandle.COUNT; i++) setNonblocking(handleAt(i));
  setPipeSize(stdout, PIPE_BYTES);
  setPipeSize(stdin, PIPE_BYTES);
  if (hasNoInput()) {
    close(stdin);
    input.flow = Flow.ENDED;
  } else input.begin(terminal.local, stdin, inputBuffer);
  output.begin(stdout, adoptOutput(), outputBuffer);
  errors.begin(stderr, adoptFd(2), errorsBuffer);
  missing.output = isMissing(output.to);
  missing.errors = isMissing(errors.to);
  terminal.errorsToo = isTerminal(errors.to);
  return true;
}

function isStatus(): bool { return isVersion2 || isPipeEnd(connection.status, CAN_READ); }

function acceptPty(): bool {
  terminal.master = handleAt(PtyHandle.MASTER);
  connection.status = handleAt(PtyHandle.STATUS);
  if (handleAt(PtyHandle.COUNT) >= 0 || !isStatus()) return false;
  if (terminal.master < 0 || (handleType(terminal.master) & FileType.MASK) != FileType.TERMINAL) return false;
  setNonblocking(terminal.master);
  setNonblocking(connection.status);
  if (terminal.atTerminal) {
    routeSignals(TERMINAL_SIGNALS, 0);
    setRawMode(terminal.local);
    copyWindowSize(terminal.local, terminal.master);
  } else {
    routeSignals(bit(SIGINT) | bit(SIGQUIT), 0);
    if (!isVersion2) setWindowSize(terminal.master, firstSize.rows, firstSize.columns);
  }
  if (hasNoInput()) {
    input.flow = Flow.ENDED;
    type(CTRL_D);
  } else input.begin(duplicate(terminal.local), duplicate(terminal.master), inputBuffer);
  output.outlastsHangup = true;
  output.begin(duplicate(terminal.master), adoptOutput(), outputBuffer);
  errors.flow = Flow.ENDED;
  terminal.errorsToo = isTerminal(adoptFd(2));
  return true;
}

export function onReady(handle: i32, events: i32): void {
  if (handle == connection.socket && state == State.SENDING) return send();
  if (handle == connection.socket && state == State.AWAITING) takeAnswer();
  else relay(handle);
  pauseWhileHungUp();
}

function relay(handle: i32): void {
  if (handle == connection.status) takeStatus();
  if (input.owns(handle)) input.pump();
  if (output.owns(handle)) output.pump();
  if (errors.owns(handle)) errors.pump();
  if (state == State.ENDING) finishWhenDrained();
  // A raw terminal has no end-of-file key: its end means that the terminal hung up, even without SIGHUP.
  else if (terminal.atTerminal && input.flow == Flow.ENDED) onSignal(SIGHUP);
}

/** Without a slave epoll reports a hangup all the time: stop watching, and read again after a while. */
function pauseWhileHungUp(): void {
  if (!output.isHungUp) return;
  watch(output.from, 0);
  wakeAfter(HANGUP_INTERVAL_MS);
}

function takeStatus(): void {
  if (isVersion2) return takeEnd();
  const got = read(connection.status, response, STATUS_BYTES);
  if (got == -EAGAIN) return;
  outcome.exitWith = got == STATUS_BYTES ? exitStatus(response) : -1;
  outcome.ended = rawExit(outcome.exitWith);
  if (got < 0) outcome.unread = got;
  if (outcome.exitWith < 0) noteDeath(got == 0 ? pipeTag(connection.status) : 0);
  drain();
}

/** Relays what the command has written before its end. */
function drain(): void {
  close(connection.status);
  connection.status = -1;
  moveTo(State.ENDING);
  // The command's output is in the pipes or the pty by now. Other processes that hold them may write for ever.
  if (terminal.master >= 0) output.limitToPause(PTY_BYTES_MAX);
  else {
    output.limitToPending();
    errors.limitToPending();
  }
  if (input.flow == Flow.OPEN) input.finish(Flow.ENDED);
  output.pump();
  errors.pump();
}

/** `raw`: a signal, and whether a core was dumped. */
function noteDeath(raw: i32): void {
  const signal = signalOf(raw);
  outcome.exitWith = EXIT_UNKNOWN;
  outcome.ended = signal >= 1 && signal <= SIGNAL_MAX ? raw : <i32>Ending.KILLED;
}

function finishWhenDrained(): void {
  if (output.flow == Flow.OPEN || errors.flow == Flow.OPEN) return;
  if (terminal.atTerminal) restoreTermios(terminal.local);
  const killedBy = outcome.ended > 0 ? signalOf(outcome.ended) : 0;
  if (options.raising && killedBy > 0) raise(killedBy);
  if (options.signalStatus && killedBy > 0) outcome.exitWith = SIGNAL_STATUS + killedBy;
  // After the command's own output, and when the terminal has its settings back.
  if (outcome.exitWith == EXIT_UNKNOWN && outcome.ended != rawExit(EXIT_UNKNOWN) && !options.isSsh) tellDeath();
  if (outcome.unread < 0) return giveUp(Ending.KILLED, "wsh: cannot read how the command ended", 0, outcome.unread);
  const error = min(lossOf(input), min(missing.output ? 0 : lossOf(output), missing.errors ? 0 : lossOf(errors)));
  if (error < 0) return giveUp(Ending.LOST, "wsh: what the command read or wrote was cut off", 0, error);
  exit(outcome.exitWith);
}

/** The command's stderr is read for the command's own output, so wsh writes there only at a terminal, or when asked to. */
function tellDeath(): void {
  const raw = max(outcome.ended, 0);
  if (options.verbose || terminal.errorsToo) printDeath(signalOf(raw), dumpedCore(raw));
}

export function onDeadline(): void {
  if (state == State.CONNECTING) return connectAndSend();
  if (state >= State.RELAYING) return onReady(output.from, READ);
  giveUp(Ending.UNANSWERED, "wsh: wshd did not answer within 30 seconds; is it stopped, or another client keeping it?");
}

export function onTrap(): i32 {
  if (terminal.atTerminal) restoreTermios(terminal.local);
  return EXIT_UNKNOWN;
}

export { onSignal };

/** The command's raw status, or an `Ending`. */
export function ending(): i32 { return outcome.ended; }

/** A `Figure` of the record of the end; -1 without one. */
export function figure(which: i32): i64 { return state == State.ENDING ? recordedFigure(which) : -1; }

/** Sends the command, or its process group, a signal; 0 without a command, -1 where the protocol has no signals. */
export function sendSignal(signal: i32, toGroup: i32): i32 {
  const socket = state == State.AWAITING ? connection.socket : connection.status;
  if (!isVersion2) return -1;
  if (state < State.AWAITING || socket < 0) return 0;
  return sendSignalTo(socket, signal, toGroup != 0 ? Target.GROUP : Target.COMMAND);
}

/** Sets the size of the pty of `--tty`. A real terminal keeps its own size. */
export function resize(toRows: i32, toColumns: i32): void {
  if (!terminal.atTerminal && terminal.master >= 0 && state == State.RELAYING) setWindowSize(terminal.master, toRows, toColumns);
}
