/**
 * Outcomes that no input can reach, and why. The coverage report (coverage.ts) holds the table to what the corpora reach: a
 * reason for what is reached is as wrong as a missing one. The reason of a function that is not reached is its branches', too.
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

const HAS_LOG = 'iomux-spawn, the one with a target, ends unless it could open the log, and without --log it calls nothing of this';
const NAMED = 'every host starts a program with a name: execve(2) makes an empty list one empty string';
const MANY_COMMANDS = '4,096 commands at once are more than an input describes; test/programs/wshd/wshd-variant.test.ts has a wshd with fewer places';

export const unreachable: readonly Unreachable[] = [
  ...[
    'assembly/lib/log/docker.ts putDockerRecord', 'assembly/lib/log/docker.ts putEscaped', 'assembly/lib/log/docker.ts sequenceAt',
    'assembly/lib/log/file.ts writeDocker', 'assembly/lib/log/file.ts syncLog', 'assembly/lib/log/file.ts endLine',
  ].map((name) => ({ at: `${name}: function`, outcome: 'reached' as const, why: 'only the monitor calls it, which is not counted' })),
  { at: 'assembly/lib/log/file.ts openLog: log.path == 0', outcome: 'true', why: HAS_LOG },
  { at: 'assembly/lib/log/file.ts writeUntilFull: log.file == 0', outcome: 'true', why: HAS_LOG },
  { at: 'assembly/programs/iomux-spawn/index.ts onStart: beginFiles()', outcome: 'false', why: 'without the log, which was asked for, fail() has ended the program' },
  { at: 'assembly/wire/filter.ts putFilterHeader: function', outcome: 'reached', why: 'only the compiler of filters calls it, which has no target' },
  { at: 'assembly/lib/capabilities.ts capabilityName: function', outcome: 'reached', why: 'only the compiler of filters calls it, which has no target' },
  { at: 'assembly/programs/wsh/options.ts isCalled: base != 0', outcome: 'false', why: NAMED },
  ...([
    ['signal == SIGWINCH', 'true'], ['signal == SIGQUIT', 'false'], ['isVersion2', 'false'], ['terminal.isAskedFor', 'true'],
  ] as const).map(([text, outcome]) => ({
    at: `assembly/programs/wsh/signals.ts onSignalElsewhere: ${text}`, outcome,
    why: `without a terminal it asks with a pty for SIGINT and SIGQUIT, else for those of protocol 2; ${ASKED_FOR}`,
  })),
  { at: 'assembly/programs/iomux-link/index.ts onReady: errors.owns(handle)', outcome: 'false', why: WATCHED },
  { at: 'assembly/programs/iomux-spawn/links.ts clientOf: i < counts.placesUsed', outcome: 'false', why: WATCHED },
  { at: 'assembly/programs/iomux-spawn/index.ts onReady: client != 0', outcome: 'false', why: WATCHED },
  { at: 'assembly/programs/iomux-spawn/index.ts onReady: streamOf(channel).ended', outcome: 'true', why: GIVEN_TWICE },
  {
    at: 'assembly/programs/iomux-spawn/index.ts onTrap: listenerOf(channel) != 0', outcome: 'false',
    why: 'before it listens it reads nothing that could trip an assertion',
  },
  { at: 'assembly/programs/oom/index.ts onSignal: function', outcome: 'reached', why: `every module exports it; ${ASKED_FOR}` },
  { at: 'assembly/programs/wshd/init.ts childReady: handle != handshake.handle', outcome: 'true', why: WATCHED },
  { at: 'assembly/programs/wshd/init.ts childSignal: signal == SIGCHLD', outcome: 'false', why: ASKED_FOR },
  {
    at: 'assembly/programs/wshd/start-command.ts start: hasRoomForCommand()', outcome: 'false',
    why: MANY_COMMANDS,
  },
  { at: 'assembly/programs/wshd/hook.ts hookState: reaped > 0', outcome: 'false', why: 'wait(2) does not fail for a child that nobody else waits for' },
  { at: 'assembly/programs/wshd/index.ts onSignal: signal == SIGCHLD', outcome: 'false', why: ASKED_FOR },
  { at: 'assembly/programs/wshd/index.ts onDeadline: isServing()', outcome: 'false', why: 'only serve.ts asks for a deadline' },
  { at: 'assembly/programs/wshd/commands.ts takeSignal: found == 0', outcome: 'true', why: WATCHED },
  { at: 'assembly/programs/wshd/start-command-2.ts serveRequest2: hasRoomForCommand()', outcome: 'false', why: MANY_COMMANDS },
  {
    at: 'assembly/programs/wsh/protocol-1.ts compose1: refuse("wsh: LANG has at most 1023 bytes, this one more")', outcome: 'true',
    why: 'refuse() returns false, always: the words are its effect',
  },
  {
    at: 'assembly/programs/wsh/protocol-2.ts composeBlock: size > BLOCK_BYTES_MAX', outcome: 'true',
    why: '6 MiB of command and variables are more than an input describes',
  },
  { at: 'assembly/programs/wshd/parent.ts parentReady: handle != child.sync', outcome: 'true', why: WATCHED },
  { at: 'assembly/programs/wshd/parent.ts parentSignal: signal != SIGCHLD', outcome: 'true', why: ASKED_FOR },
  {
    at: 'assembly/programs/wshd/parent.ts rollBack: state == State.FAILING', outcome: 'true',
    why: 'it waits for the child alone then: parentReady and parentSignal look at the state before they give up',
  },
  {
    at: 'assembly/programs/wshd/serve.ts recover: client.socket != 0', outcome: 'false',
    why: 'a trap behind the end of a connection: here only reads trap; in the simulated kernel every call does (test/sim)',
  },
];
