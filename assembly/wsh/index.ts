/**
 * wsh: runs a command in a container, or a shell, through the socket of its wshd. docs/wsh.md
 *
 *   onStart: connects, sends the request → awaits the answer → relays → the status comes → what is left is relayed → exit
 */
import {
  CAN_READ, CAN_WRITE, capacity, close, connect, cooked, describe, duplicate, inherit, Kind, marked, raise, raw,
  read, READ, receive, setWindowSize, signals, unblock, wakeAfter, watch, windowSize, write, WRITE,
} from "../shim";
import { argument, argumentsGiven, exit, loadArguments, loadEnvironment, variable } from "../wasi";
import { Ending } from "../shared/ending";
import { EAGAIN, ECONNREFUSED, ENOENT, EPIPE } from "../shared/errno";
import { begin, put, putSignal, tell } from "../shared/message";
import { fail } from "../shared/program";
import { BUFFER_BYTES, Flow, isPipeEnd, Relay } from "../shared/relay";
import { bit, SIGCONT, SIGHUP, SIGINT, SIGNAL_MAX, SIGQUIT, SIGSTOP, SIGTERM, SIGTSTP, SIGWINCH } from "../shared/signal";
import { AT_TTY, beginRequest, putArgument, putLang, putUser, REQUEST_BYTES } from "../wire/request";
import { HANDLES_MAX, PipesHandle, PtyHandle, RESPONSE_BYTES, responseIsGood } from "../wire/response";
import { EXIT_UNKNOWN, exitStatus, rawExit, STATUS_BYTES } from "../wire/status";
import { badVariable, putLimits } from "./limits";
import { badIndex, columns, commandIndex, helpWanted, parse, raising, rows, socketPath, user } from "./options";

/** An original wshd serves one client at a time, so this is no sign of a fault yet when others are slow. */
const ANSWER_DEADLINE_MS: i32 = 30_000;
/** wshd's queue of connections is full, as that of an original, which serves one at a time, soon is: another try so often. */
const CONNECT_INTERVAL_MS: i32 = 50;
const CONNECT_ATTEMPTS: i32 = 600;
/** What the pipes to and from the command shall hold: fewer turns for the same bytes. */
const PIPE_BYTES: u32 = 1 << 18;
/** More than a pty ever holds: 64 KiB on the way, 4 KiB to be read. */
const PTY_BYTES_MAX: u32 = 1 << 17;
const TERMINAL_SIGNALS: u32 = bit(SIGWINCH) | bit(SIGHUP) | bit(SIGINT) | bit(SIGQUIT) | bit(SIGTERM) | bit(SIGTSTP) | bit(SIGCONT);

const enum State { CONNECTING, SENDING, AWAITING, RELAYING, ENDING }
let state: State = State.CONNECTING;

const request = memory.data(9656, 8);
if (REQUEST_BYTES != 9656) ERROR("the request's buffer has another size");
let sent: u32 = 0;
const response = memory.data(8);
/** One place more than an answer has handles: one too many is seen, not only dropped. */
const handles = memory.data(20, 4);
if ((HANDLES_MAX + 1) * 4 != 20) ERROR("the table of received handles has another size");

let socket: i32 = -1;
let attempts: i32 = 0;
let status: i32 = -1;
let master: i32 = -1;
let local: i32 = -1;
/** `local` is a terminal, whose mode and size are ours to care for. */
let atTerminal: bool = false;
let exitWith: i32 = EXIT_UNKNOWN;
/** What is written there is nobody's loss: we were started without it. */
let outputIsMissing: bool = false, errorsIsMissing: bool = false;
let ended: i32 = Ending.NONE;

const input = changetype<Relay>(memory.data(offsetof<Relay>(), 8));
const output = changetype<Relay>(memory.data(offsetof<Relay>(), 8));
const errors = changetype<Relay>(memory.data(offsetof<Relay>(), 8));
const inputBuffer = memory.data(65536), outputBuffer = memory.data(65536), errorsBuffer = memory.data(65536);
if (BUFFER_BYTES != 65536) ERROR("a relay's buffer has another size");

export function onStart(): void {
  loadArguments();
  loadEnvironment();
  if (!parse()) return refuseOptions();
  local = inherit(0);
  atTerminal = local >= 0 && (describe(local) & Kind.MASK) == Kind.TERMINAL;
  composeRequest(atTerminal || rows > 0);
  connectAndSend();
}

function refuseOptions(): void {
  if (helpWanted) {
    begin();
    put("usage: wsh [--socket PATH] [--user USER] [--tty ROWSxCOLUMNS] [--raise] [--rsh] [COMMAND [ARG...]]\n");
    put("  --socket PATH  the container's wshd (run/wshd.sock)\n");
    put("  --user USER    who runs the command (root)\n");
    put("  --tty SIZE     a terminal for the command, although stdin is none: 24x80\n");
    put("  --raise        die by the signal that killed the command, and say nothing\n");
    put("  --rsh          what follows is [-46dn] [-l USER] [-t TIMEOUT] HOST [COMMAND...], as rsh gets it\n");
    put("Without COMMAND: the user's login shell. Exit code: the command's; 255 when it was killed or not reached.");
    tell();
    return exit(0);
  }
  ended = Ending.USAGE;
  fail(1, "wsh: invalid option, or one without its value:", argument(badIndex), 0, "wsh --help shows all of them");
}

function giveUp(how: Ending, what: string, subject: usize = 0, errno: i32 = 0, advice: string = ""): void {
  ended = how;
  fail(EXIT_UNKNOWN, what, subject, errno, advice);
}

const defaultPath = memory.data<u8>([0x72, 0x75, 0x6e, 0x2f, 0x77, 0x73, 0x68, 0x64, 0x2e, 0x73, 0x6f, 0x63, 0x6b, 0]); // run/wshd.sock

function composeRequest(interactive: bool): void {
  beginRequest(request, interactive);
  let next: usize = 0;
  for (let i = commandIndex; i < argumentsGiven(); i++) {
    next = putArgument(request, next, argument(i));
    if (next == 0) return giveUp(Ending.USAGE, "wsh: the command's arguments are longer than the 8192 bytes that a request holds");
  }
  if (!putLimits(request)) {
    ended = Ending.USAGE;
    begin();
    put("wsh: ");
    put(badVariable);
    put(" is not a limit: write \"SOFT HARD\" or \"N\", in digits or -1 for unlimited");
    tell();
    return exit(EXIT_UNKNOWN);
  }
  if (user != 0 && !putUser(request, user)) return giveUp(Ending.USAGE, "wsh: a user's name has at most 31 bytes, this one more:", user);
  const lang = variable("LANG");
  if (lang != 0 && !putLang(request, lang)) giveUp(Ending.USAGE, "wsh: LANG has at most 1023 bytes, this one more");
}

function connectAndSend(): void {
  const path = socketPath != 0 ? socketPath : defaultPath;
  socket = connect(path);
  if (socket == -EAGAIN && ++attempts < CONNECT_ATTEMPTS) {
    wakeAfter(CONNECT_INTERVAL_MS);
    return;
  }
  if (socket == -ECONNREFUSED || socket == -ENOENT) {
    return giveUp(Ending.UNREACHED, "wsh: cannot connect to", path, socket, "is wshd running in this container? (--socket PATH)");
  }
  const advice = socket == -EAGAIN ? "its wshd does not accept connections" : "";
  if (socket < 0) return giveUp(Ending.UNREACHED, "wsh: cannot connect to", path, socket, advice);
  state = State.SENDING;
  wakeAfter(ANSWER_DEADLINE_MS);
  send();
}

function send(): void {
  while (sent < REQUEST_BYTES) {
    const wrote = write(socket, request + sent, REQUEST_BYTES - sent);
    if (wrote == -EAGAIN) {
      watch(socket, WRITE);
      return;
    }
    if (wrote < 0) return giveUp(Ending.REFUSED, "wsh: cannot send the request", 0, wrote, "wshd closed the connection");
    sent += wrote;
  }
  state = State.AWAITING;
  watch(socket, READ);
}

function takeAnswer(): void {
  const got = receive(socket, response, RESPONSE_BYTES, handles, HANDLES_MAX + 1);
  if (got == -EAGAIN) return;
  if (got < 0) return giveUp(Ending.REFUSED, "wsh: cannot receive wshd's answer", 0, got);
  if (got == 0) return giveUp(Ending.REFUSED, "wsh: wshd refused the request: it closed the connection without an answer");
  if (got != RESPONSE_BYTES || !responseIsGood(response)) return giveUp(Ending.PROTOCOL, "wsh: wshd's answer is not of protocol version 1");
  close(socket);
  wakeAfter(-1);
  const interactive = load<i32>(request + AT_TTY) != 0;
  if (!(interactive ? acceptPty() : acceptPipes())) {
    return giveUp(Ending.PROTOCOL, "wsh: wshd's answer does not carry the descriptors that the protocol asks for");
  }
  state = State.RELAYING;
  watch(status, READ);
  input.pump();
  output.pump();
  errors.pump();
}

function handleAt(index: i32): i32 { return load<i32>(handles + index * 4); }

/** Nothing that came is trusted: exactly so many handles, each the end of a pipe in the right direction. */
function acceptPipes(): bool {
  const stdin = handleAt(PipesHandle.STDIN), stdout = handleAt(PipesHandle.STDOUT), stderr = handleAt(PipesHandle.STDERR);
  status = handleAt(PipesHandle.STATUS);
  if (handleAt(PipesHandle.COUNT) >= 0) return false;
  if (!isPipeEnd(stdin, CAN_WRITE) || !isPipeEnd(stdout, CAN_READ)) return false;
  if (!isPipeEnd(stderr, CAN_READ) || !isPipeEnd(status, CAN_READ)) return false;
  for (let i = 0; i < PipesHandle.COUNT; i++) unblock(handleAt(i));
  capacity(stdout, PIPE_BYTES);
  capacity(stdin, PIPE_BYTES);
  input.begin(local, stdin, inputBuffer);
  output.begin(stdout, inherit(1), outputBuffer);
  errors.begin(stderr, inherit(2), errorsBuffer);
  outputIsMissing = isMissing(output.to);
  errorsIsMissing = isMissing(errors.to);
  return true;
}

function acceptPty(): bool {
  master = handleAt(PtyHandle.MASTER);
  status = handleAt(PtyHandle.STATUS);
  if (handleAt(PtyHandle.COUNT) >= 0 || !isPipeEnd(status, CAN_READ)) return false;
  if (master < 0 || (describe(master) & Kind.MASK) != Kind.TERMINAL) return false;
  unblock(master);
  unblock(status);
  if (atTerminal) {
    signals(TERMINAL_SIGNALS, 0);
    raw(local);
    windowSize(local, master);
  } else setWindowSize(master, rows, columns);
  input.begin(duplicate(local), duplicate(master), inputBuffer);
  output.begin(duplicate(master), inherit(1), outputBuffer);
  errors.flow = Flow.ENDED;
  return true;
}

export function onReady(handle: i32, events: i32): void {
  if (handle == socket && state == State.SENDING) return send();
  if (handle == socket && state == State.AWAITING) return takeAnswer();
  if (handle == status) takeStatus();
  if (input.owns(handle)) input.pump();
  if (output.owns(handle)) output.pump();
  if (errors.owns(handle)) errors.pump();
  if (state == State.ENDING) finishWhenDrained();
  // No key ends the input of a raw terminal: it is gone, even if nobody sent the signal that says so.
  else if (atTerminal && input.flow == Flow.ENDED) onSignal(SIGHUP);
}

function takeStatus(): void {
  const got = read(status, response, STATUS_BYTES);
  if (got == -EAGAIN) return;
  exitWith = got == STATUS_BYTES ? exitStatus(response) : -1;
  ended = rawExit(exitWith);
  if (exitWith < 0) noteDeath(got == 0 ? marked(status) : 0);
  close(status);
  status = -1;
  state = State.ENDING;
  // All that the command wrote is in the pipes or the pty by now; whoever else still holds them may go on for ever.
  if (master >= 0) output.limitToPause(PTY_BYTES_MAX);
  else {
    output.limitToPending();
    errors.limitToPending();
  }
  if (input.flow == Flow.OPEN) input.finish(Flow.ENDED);
  output.pump();
  errors.pump();
}

function noteDeath(signal: i32): void {
  exitWith = EXIT_UNKNOWN;
  ended = signal >= 1 && signal <= SIGNAL_MAX ? signal : <i32>Ending.KILLED;
}

function finishWhenDrained(): void {
  if (output.flow == Flow.OPEN || errors.flow == Flow.OPEN) return;
  if (atTerminal) cooked(local);
  if (raising && ended > 0 && ended <= SIGNAL_MAX) raise(ended);
  // Behind the command's own last words, and on a terminal that knows lines again.
  if (exitWith == EXIT_UNKNOWN && ended != rawExit(EXIT_UNKNOWN)) tellDeath();
  const error = min(lossOf(input), min(outputIsMissing ? 0 : lossOf(output), errorsIsMissing ? 0 : lossOf(errors)));
  if (error < 0) return giveUp(Ending.LOST, "wsh: what the command read or wrote was cut off", 0, error);
  exit(exitWith);
}

/** Why a stream broke off; 0 when it did not, or when its reader went away, which is the reader's business. */
function lossOf(relay: Relay): i32 { return relay.flow == Flow.BROKEN && relay.error != -EPIPE ? relay.error : 0; }

/** Started without the descriptor, we have one in its place that nobody can write to. */
function isMissing(handle: i32): bool {
  const what = describe(handle);
  return what >= 0 && (what & CAN_WRITE) == 0;
}

function tellDeath(): void {
  begin();
  put("wsh: the command was killed");
  if (ended >= 1) {
    put(" by ");
    putSignal(ended);
  }
  tell();
}

export function onSignal(signal: i32): void {
  if (signal == SIGWINCH) {
    windowSize(local, master);
  } else if (signal == SIGCONT) {
    raw(local);
    windowSize(local, master);
  } else {
    cooked(local);
    // Stopped, we come back here with SIGCONT; any other signal ends us the way our parent expects to see.
    raise(signal == SIGTSTP ? SIGSTOP : signal);
  }
}

export function onDeadline(): void {
  if (state == State.CONNECTING) return connectAndSend();
  giveUp(Ending.UNANSWERED, "wsh: wshd did not answer within 30 seconds; is it stopped, or another client keeping it?");
}

export function onTrap(): i32 {
  if (atTerminal) cooked(local);
  return EXIT_UNKNOWN;
}

/** How the command ended; an `Ending` when nobody knows. */
export function ending(): i32 { return ended; }

/** The size of the terminal that `--tty` made; nothing at a terminal, which has its own. */
export function resize(toRows: i32, toColumns: i32): void {
  if (!atTerminal && master >= 0 && state == State.RELAYING) setWindowSize(master, toRows, toColumns);
}
