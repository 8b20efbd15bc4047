/** Signals by their Linux numbers, and their default actions. signal(7) */
export const SIGHUP = 1, SIGINT = 2, SIGQUIT = 3, SIGKILL = 9, SIGPIPE = 13, SIGTERM = 15, SIGCHLD = 17, SIGCONT = 18, SIGSTOP = 19;
export const SIGTSTP = 20, SIGTTIN = 21, SIGTTOU = 22, SIGURG = 23, SIGWINCH = 28, SIGNAL_MAX = 64;

const STOPS = [SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU];

export const enum Default { DIE, IGNORE, STOP, CONTINUE }

export function defaultOf(signal: number): Default {
  switch (signal) {
    case SIGCHLD: case SIGURG: case SIGWINCH: return Default.IGNORE;
    case SIGSTOP: case SIGTSTP: case SIGTTIN: case SIGTTOU: return Default.STOP;
    case SIGCONT: return Default.CONTINUE;
    default: return Default.DIE;
  }
}

/** A set of signals, iterated from the lowest on, as the kernel delivers them. */
export class SignalSet {
  constructor(private low = 0, private high = 0) {}

  has(signal: number): boolean { return ((signal <= 32 ? this.low >>> (signal - 1) : this.high >>> (signal - 33)) & 1) !== 0; }

  add(signal: number): void {
    if (signal <= 32) this.low |= 1 << (signal - 1);
    else this.high |= 1 << (signal - 33);
  }

  /**
   * Sending a stop removes a pending SIGCONT, and sending SIGCONT removes pending stops, whatever becomes of the signal that is sent.
   * prepare_signal(), kernel/signal.c
   */
  dropOpposites(signal: number): void {
    if (signal === SIGCONT) for (const stop of STOPS) this.delete(stop);
    else if (defaultOf(signal) === Default.STOP) this.delete(SIGCONT);
  }

  /** Adds a signal that was sent, and drops those that it cancels. */
  addPending(signal: number): void {
    this.dropOpposites(signal);
    this.add(signal);
  }

  delete(signal: number): void {
    if (signal <= 32) this.low &= ~(1 << (signal - 1));
    else this.high &= ~(1 << (signal - 33));
  }

  get isEmpty(): boolean { return (this.low | this.high) === 0; }

  intersects(other: SignalSet): boolean { return ((this.low & other.low) | (this.high & other.high)) !== 0; }

  *[Symbol.iterator](): IterableIterator<number> {
    for (let signal = 1; signal <= SIGNAL_MAX; signal++) if (this.has(signal)) yield signal;
  }
}
