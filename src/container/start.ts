/** The start of a container: a native wshd, with the hooks of shim/hooks. */
import { closeSync, openSync } from 'node:fs';
import { Socket } from 'node:net';
import { constants } from 'node:os';
import { getSystemErrorMap, getSystemErrorName } from 'node:util';
import { Child, type ChildEnd } from '../host/child.js';
import { packageRoot, programPath } from '../paths.js';
import { aborted, whenAborted } from './abort.js';
import { FIRST_PROCESS_NAME } from './depot.js';
import { fromRaw } from './ending.js';
import { adviceOn, WardenError } from './error.js';
import { makePipe } from './stdio.js';

/** The hooks: fixed files, since the depot may be on a file system from which nothing can be executed, as /run often is. */
const LIB = `${packageRoot}build/lib`;
/** The watcher runs what the host has, whatever the caller's environment says. */
const ENVIRONMENT = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' };
/** Tells the hook on the host to leave a watcher behind. */
const EPHEMERAL = { WATCHER: `${packageRoot}src/container/lib/watch.sh` };
/** What is killed is gone at once, unless it waits in the kernel. */
export const GONE_DEADLINE_MS = 10_000;
const WORDS_MAX = 8_192;

/** wshd while it starts, then whoever it left behind to watch over us. */
export class Started {
  /** Fulfilled when nobody holds its standard error any more: wshd, its hooks and the watcher have ended. */
  readonly gone: Promise<void>;
  words = '';

  /** `lifeline`: nobody writes to it: that we close it, or die, is what the watcher waits for. */
  constructor(readonly wshd: Child, private readonly stderr: Socket, private lifeline: number | undefined) {
    this.gone = new Promise((resolve) => { stderr.once('close', () => resolve()); });
    stderr.on('error', () => undefined);
    stderr.setEncoding('utf8').on('data', (text: string) => { this.words = (this.words + text).slice(0, WORDS_MAX); });
  }

  /** A container is no reason for this process to live. */
  letGo(): void { this.stderr.unref(); }

  /** The watcher ends. */
  cutLifeline(): void {
    if (this.lifeline !== undefined) closeSync(this.lifeline);
    this.lifeline = undefined;
  }
}

/** The first of two steps: `served` waits for the second. */
export function startWshd(id: string, directory: string, ephemeral: boolean): Started {
  const theirs: number[] = [], ours: number[] = [];
  const pipe = (end: 0 | 1): number => {
    const ends = makePipe();
    ours.push(ends[1 - end]!);
    theirs.push(ends[end]);
    return ends[end];
  };
  try {
    const nothing = openSync('/dev/null', 'r+');
    theirs.push(nothing);
    const stderr = pipe(1), stdin = ephemeral ? pipe(0) : nothing;
    const wshd = new Child({
      file: programPath('wshd'),
      // The directory is entered, not named: a socket's path has at most 107 bytes.
      argv: [programPath('wshd'), '--run', 'run', '--lib', LIB, '--root', 'root', '--title', `${FIRST_PROCESS_NAME}: ${id}`],
      env: { ...ENVIRONMENT, ...(ephemeral ? EPHEMERAL : {}) },
      cwd: directory,
      stdio: [stdin, nothing, stderr],
    });
    const [words, lifeline] = ours.splice(0);
    return new Started(wshd, new Socket({ fd: words!, readable: true, writable: false }), lifeline);
  } finally {
    for (const fd of [...theirs, ...ours]) closeSync(fd);
  }
}

/** Waits until the container serves. */
export async function served(started: Started, signal: AbortSignal | undefined): Promise<void> {
  const unheard = whenAborted(signal, () => started.wshd.kill(constants.signals.SIGKILL));
  try {
    const end = await started.wshd.exited;
    if (end.status === 0 && !signal?.aborted) return started.letGo();
    // Whoever it started ends with it; only then is it clear what there is to be removed.
    await isGone(started);
    if (signal?.aborted) throw aborted(signal);
    throw new WardenError('START_FAILED', `the container could not be started: ${described(end)}, saying\n${indented(started.words)}`);
  } finally {
    unheard();
  }
}

function described({ status, errno }: ChildEnd): string {
  if (errno !== undefined) {
    const name = getSystemErrorName(-errno);
    return `wshd cannot be executed (${name})${adviceOn(name)}`;
  }
  const { exitCode, signal } = fromRaw(status);
  return signal ? `wshd was killed by ${signal}` : `wshd ended with exit code ${exitCode}`;
}

/** The hooks have no C library that would know what a number means. */
function indented(words: string): string {
  const spelled = words.trimEnd().replace(/\(errno (\d+)\)/g, (number, digits: string) => {
    const [name, meaning] = getSystemErrorMap().get(-Number(digits)) ?? [];
    return name === undefined ? number : `(${name}: ${meaning})`;
  });
  return spelled.trim() === '' ? '  nothing' : spelled.replace(/^/gm, '  ');
}

/** Lets go of the watcher, and waits until it has seen that, for it has its directory open. */
export async function isGone(started: Started): Promise<boolean> {
  started.cutLifeline();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => { timer = setTimeout(() => resolve(false), GONE_DEADLINE_MS); });
  try {
    return await Promise.race([started.gone.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}
