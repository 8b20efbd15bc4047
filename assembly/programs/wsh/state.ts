/** How far the request is, and what terminals there are. */

export const enum State { CONNECTING, SENDING, AWAITING, RELAYING, ENDING }

export let state: State = State.CONNECTING;

/** The connection to wshd. */
export namespace connection {
  export let sent: u32 = 0;
  export let socket: i32 = -1;
  export let attempts: i32 = 0;
  export let status: i32 = -1;
}

export namespace terminal {
  export let master: i32 = -1;
  export let local: i32 = -1;
  /** `local` is a terminal: this program sets its mode and reads its size. */
  export let atTerminal: bool = false;
  /** The command gets a pty. */
  export let isAskedFor: bool = false;
  /** stderr is a terminal. */
  export let errorsToo: bool = false;
}

export function moveTo(next: State): void {
  assert(next > state, "a request never goes back");
  state = next;
}
