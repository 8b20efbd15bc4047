/** The processes of one command, which are found by its standard streams: wshd gives each command a session. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Identity, isSameFile } from '../../base/identity.js';
import { pipesOf, signalAll, usersOf } from '../../linux/processes.js';

const LOOK_AGAIN_MS = 20;
/** wshd starts a command after its answer; on a busy machine long after it. */
const START_DEADLINE_MS = 10_000;

export class Session {
  /** The pipes or the pty that wshd sent for the command's streams, in protocol 1 also the pipe of its exit status. */
  identities: readonly Identity[] = [];

  /** `initPid`: the container's init on the host, if it lives. */
  constructor(private readonly initPid: () => number | undefined) {}

  /** Sends a signal to all processes of the session, and returns how many got it. */
  async signal(name: NodeJS.Signals): Promise<number> {
    const init = this.initPid();
    return init === undefined || this.identities.length === 0 ? 0 : signalAll(await usersOf(init, this.identities), name);
  }

  /** Sends SIGKILL until no process is left and `hasEnded`, or until the deadline. `ended` makes a pause shorter. */
  async killUntil(hasEnded: () => boolean | Promise<boolean>, deadlineMs: number, ended?: Promise<void>): Promise<void> {
    const deadline = performance.now() + deadlineMs;
    // A process that is forked while we search is found in the next turn: the end is asked for first.
    const isOver = async (): Promise<boolean> => await hasEnded() && await this.signal('SIGKILL') === 0;
    while (!await isOver() && performance.now() < deadline) {
      await this.signal('SIGKILL');
      const pause = sleep(LOOK_AGAIN_MS);
      await (ended ? Promise.race([ended, pause]) : pause);
    }
  }

  /** The same without a report of the command's end: until wshd has no end of its pipes any more. */
  killUntilClosed(): Promise<void> { return this.killUntil(async () => !await this.isOpenInInit(), START_DEADLINE_MS); }

  /** wshd holds ends of the pipes from the request until the command's process is there, in protocol 1 one until the command's end. */
  private async isOpenInInit(): Promise<boolean> {
    const init = this.initPid(), pipes = init === undefined ? [] : await pipesOf(init);
    return pipes.some((pipe) => this.identities.some((identity) => isSameFile(pipe, identity)));
  }
}
