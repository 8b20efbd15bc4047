/**
 * Outcomes that no input can reach, and why. The coverage report (coverage.ts) holds the table to what the corpora reach: a
 * reason for what is reached is as wrong as a missing one.
 */
export interface Unreachable {
  /** "FILE FUNCTION: TEXT", as the report has it, without the line. */
  at: string;
  outcome: 'true' | 'false' | 'reached';
  why: string;
}

const WATCHED = 'a module is told of the handles that it watches, and of no others';
const ASKED_FOR = 'a module is told of the signals that it asks for, and of no others';
const GIVEN_TWICE = 'a number that was closed and is given out again: this world gives none twice, so that the use of a closed one shows';

export const unreachable: readonly Unreachable[] = [
  { at: 'assembly/iomux-link/index.ts onReady: errors.owns(handle)', outcome: 'false', why: WATCHED },
  { at: 'assembly/iomux-spawn/clients.ts clientOf: i < used', outcome: 'false', why: WATCHED },
  { at: 'assembly/iomux-spawn/index.ts onReady: client != 0', outcome: 'false', why: WATCHED },
  { at: 'assembly/iomux-spawn/index.ts onReady: stream(channel).ended', outcome: 'true', why: GIVEN_TWICE },
  {
    at: 'assembly/iomux-spawn/index.ts onTrap: listenerOf(channel) != 0', outcome: 'false',
    why: 'before it listens it reads nothing that could trip an assertion',
  },
  { at: 'assembly/oom/index.ts onSignal: function', outcome: 'reached', why: `every module exports it; ${ASKED_FOR}` },
  { at: 'assembly/wsh/index.ts onReady: state == State.AWAITING', outcome: 'false', why: GIVEN_TWICE },
  {
    at: 'assembly/wsh/index.ts acceptPty: master < 0', outcome: 'true',
    why: 'descriptors come in their order: where the status pipe is there, so is the master before it',
  },
  { at: 'assembly/wshd/child.ts childReady: handle != sync', outcome: 'true', why: WATCHED },
  { at: 'assembly/wshd/child.ts childSignal: signal == SIGCHLD', outcome: 'false', why: ASKED_FOR },
  {
    at: 'assembly/wshd/command.ts start: hasRoomForJob()', outcome: 'false',
    why: '4,096 commands at once are more than an input describes; test/programs/wshd-variant.test.ts has a wshd with fewer places',
  },
  { at: 'assembly/wshd/hook.ts hookState: reaped > 0', outcome: 'false', why: 'wait(2) does not fail for a child that nobody else waits for' },
  { at: 'assembly/wshd/index.ts onSignal: signal == SIGCHLD', outcome: 'false', why: ASKED_FOR },
  { at: 'assembly/wshd/index.ts onDeadline: servesNow()', outcome: 'false', why: 'only serve.ts asks for a deadline' },
  { at: 'assembly/wshd/jobs.ts takeReport: i < STARTS_MAX', outcome: 'false', why: WATCHED },
  { at: 'assembly/wshd/parent.ts parentReady: handle != sync', outcome: 'true', why: WATCHED },
  { at: 'assembly/wshd/parent.ts parentSignal: signal != SIGCHLD', outcome: 'true', why: ASKED_FOR },
  {
    at: 'assembly/wshd/parent.ts fall: state == State.FAILING', outcome: 'true',
    why: 'it waits for the child alone then: parentReady and parentSignal look at the state before they give up',
  },
  {
    at: 'assembly/wshd/serve.ts recover: client.socket != 0', outcome: 'false',
    why: 'a trap behind the end of a connection: here only reads trap; in the simulated kernel every call does (test/simulation)',
  },
];
