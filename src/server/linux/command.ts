/** Programs that the server runs for a container: ip, iptables, tc, rsync, chown. Each has a deadline and bounded output. */
import { closeSync, existsSync, openSync } from 'node:fs';
import { constants } from 'node:os';
import { Socket } from 'node:net';
import { getSystemErrorName } from 'node:util';
import { Child } from '../../host/native-process.js';
import { makePipe } from '../../host/pipe.js';
import { CommandFailure } from '../refusal.js';

const OUTPUT_BYTES_MAX = 1 << 20;
const DEADLINE_MS = 60_000;
const DIRECTORIES = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];
const ENVIRONMENT = { PATH: DIRECTORIES.join(':'), LC_ALL: 'C.UTF-8' };

export interface CommandOptions {
  readonly input?: string;
  readonly deadlineMs?: number;
  /** Exit codes that are no failure (0). */
  readonly allow?: readonly number[];
}

export interface CommandResult { readonly code: number; readonly stdout: string; readonly stderr: string }

/** @throws CommandFailure for a death by a signal, an exit code that is not allowed, too much output, or at the deadline */
export async function command(
  name: string, args: readonly string[], { input, deadlineMs = DEADLINE_MS, allow = [0] }: CommandOptions = {},
): Promise<CommandResult> {
  const what = [name, ...args].join(' '), file = DIRECTORIES.map((directory) => `${directory}/${name}`).find(existsSync);
  if (file === undefined) throw new CommandFailure(`cannot run ${what}: it is in none of ${DIRECTORIES.join(', ')}`);
  const running = start(file, [name, ...args], input, what);
  let ended: string | undefined;
  const end = (why: string): void => {
    ended ??= why;
    running.child.kill(constants.signals.SIGKILL);
  };
  const timer = setTimeout(() => end('timed out'), deadlineMs);
  let left = OUTPUT_BYTES_MAX;
  const all = [running.stdout, running.stderr].map((stream) => gather(stream, (size) => {
    left -= size;
    if (left < 0) end('wrote too much');
    return left >= 0;
  }));
  const [{ status, errno }, stdout, stderr] = await Promise.all([running.child.exited, ...all as [Promise<string>, Promise<string>]]);
  clearTimeout(timer);
  if (errno !== undefined) throw new CommandFailure(`cannot run ${what}: ${getSystemErrorName(-errno)}`);
  const signal = status & 0x7f, code = status >> 8 & 0xff;
  if (ended === 'wrote too much') throw new CommandFailure(`${what} wrote more than ${OUTPUT_BYTES_MAX} bytes`, 'command exceeded maximum output');
  if (signal === 0 && ended === undefined && allow.includes(code)) return { code, stdout, stderr };
  throw new CommandFailure(`${what}: ${ended ?? (signal === 0 ? `exit code ${code}` : `killed by signal ${signal}`)}: ${stderr.trim()}`);
}

interface Running { readonly child: Child; readonly stdout: Socket; readonly stderr: Socket }

/** Without a fork of this process, which would copy its page tables (src/host/native-process.ts). */
function start(file: string, argv: readonly string[], input: string | undefined, what: string): Running {
  const theirs: number[] = [], ours: Socket[] = [];
  const pipe = (isInput: boolean): number => {
    const [read, write] = makePipe('a command of the host');
    theirs.push(isInput ? read : write);
    const socket = new Socket({ fd: isInput ? write : read, readable: !isInput, writable: isInput });
    // A program that does not read its input to the end reports why by its exit code.
    ours.push(socket.on('error', () => undefined));
    return theirs.at(-1)!;
  };
  try {
    const stdout = pipe(false), stderr = pipe(false);
    if (input === undefined) theirs.push(openSync('/dev/null', 'r'));
    else pipe(true);
    const child = new Child({ file, argv, env: ENVIRONMENT, cwd: '/', stdio: [theirs[2]!, stdout, stderr] });
    if (input !== undefined) ours[2]!.end(input);
    return { child, stdout: ours[0]!, stderr: ours[1]! };
  } catch (error) {
    for (const socket of ours) socket.destroy();
    throw new CommandFailure(`cannot run ${what}: ${(error as Error).message}`);
  } finally {
    for (const fd of theirs) closeSync(fd);
  }
}

/** All that comes, as long as `takes` says so. */
async function gather(stream: Socket, takes: (size: number) => boolean): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of stream as AsyncIterable<Buffer>) if (takes(piece.length)) pieces.push(piece);
  return Buffer.concat(pieces).toString('utf8');
}
