/** The signals that wsh catches, and what becomes of them. */
import { copyWindowSize, isIgnored, raise, restoreTermios, setRawMode, write } from "../../boundary/shim";
import { bit, SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGSTOP, SIGTERM, SIGTSTP, SIGWINCH } from "../../lib/signal";
import { isVersion2 } from "./compose";
import { passSignal } from "./protocol-2";
import { connection, State, state, terminal } from "./state";

export const TERMINAL_SIGNALS: u32 = bit(SIGWINCH) | bit(SIGHUP) | bit(SIGINT) | bit(SIGQUIT) | bit(SIGTERM) | bit(SIGTSTP) | bit(SIGCONT);
/** In protocol 2, without a pty: the command's process group gets them. */
const PASSED_SIGNALS: u32 = bit(SIGHUP) | bit(SIGINT) | bit(SIGQUIT) | bit(SIGTERM);
/** The keys for end of file, SIGINT and SIGQUIT. */
export const CTRL_D: u8 = 0x04, CTRL_C: u8 = 0x03, CTRL_BACKSLASH: u8 = 0x1c;
/** With --signal-status: a shell's way to show a signal. */
export const SIGNAL_STATUS: i32 = 128;

/** Those of PASSED_SIGNALS that this program was not started to ignore, as by nohup(1) or in the background of a script. */
export function passedSignals(): u32 {
  let set = PASSED_SIGNALS;
  for (let signal = 1; signal <= SIGTERM; signal++) if ((set & bit(signal)) != 0 && isIgnored(signal) > 0) set &= ~bit(signal);
  return set;
}

const key = memory.data(1);

/** Types a key at the command's pty. */
export function type(code: u8): void {
  store<u8>(key, code);
  write(terminal.master, key, 1);
}

export function onSignal(signal: i32): void {
  if (!terminal.atTerminal) return onSignalElsewhere(signal);
  if (signal == SIGWINCH) {
    copyWindowSize(terminal.local, terminal.master);
  } else if (signal == SIGCONT) {
    setRawMode(terminal.local);
    copyWindowSize(terminal.local, terminal.master);
  } else {
    restoreTermios(terminal.local);
    // SIGCONT resumes after a stop. Any other signal ends this program, and its parent sees the signal in wait(2).
    raise(signal == SIGTSTP ? SIGSTOP : signal);
  }
}

/**
 * Without a terminal. A pty has keys for two signals, which reach what is in its foreground; others end this program, and the pty hangs
 * up. Without a pty they are the command's, from when it is asked for.
 */
function onSignalElsewhere(signal: i32): void {
  if (signal == SIGWINCH) return;
  if (terminal.master >= 0 && (signal == SIGINT || signal == SIGQUIT)) return type(signal == SIGINT ? CTRL_C : CTRL_BACKSLASH);
  const isPassed = isVersion2 && !terminal.isAskedFor && state >= State.AWAITING;
  passSignal(!isPassed ? -1 : state == State.AWAITING ? connection.socket : connection.status, signal);
}
