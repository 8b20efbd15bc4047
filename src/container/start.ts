/** The start of a container: a native wshd, with the hooks of shim/hooks. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { getSystemErrorMap } from 'node:util';
import { packageRoot, programPath } from '../paths.js';
import { aborted, whenAborted } from './abort.js';
import { FIRST_PROCESS_NAME } from './depot.js';
import { reason, WardenError } from './error.js';

/** The hooks: fixed files, since the depot may be on a file system from which nothing can be executed, as /run often is. */
const LIB = `${packageRoot}build/lib`;
/** The watcher runs what the host has, whatever the caller's environment says. */
const HOOK_ENVIRONMENT = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' };
/** Tells the hook on the host to leave a watcher behind. */
const EPHEMERAL = { WATCHER: `${packageRoot}src/container/lib/watch.sh` };
/** What is killed is gone at once, unless it waits in the kernel. */
export const GONE_DEADLINE_MS = 10_000;
const WORDS_MAX = 8_192;

/** wshd while it starts, then whoever it left behind to watch over us. */
export interface Started {
  readonly wshd: ChildProcess;
  /** Its standard output, which nobody writes to: that we close it, or die, is what the watcher waits for. */
  readonly lifeline: Readable | null;
  /** Fulfilled when nobody holds its standard error any more: wshd, its hooks and the watcher have ended. */
  readonly gone: Promise<unknown>;
  words(): string;
}

/** The first of two steps: `served` waits for the second. */
export function startWshd(id: string, directory: string, ephemeral: boolean): Started {
  // The directory is entered, not named: a socket's path has at most 107 bytes.
  const wshd = spawn(programPath('wshd'), ['--run', 'run', '--lib', LIB, '--root', 'root', '--title', `${FIRST_PROCESS_NAME}: ${id}`], {
    cwd: directory,
    env: { ...HOOK_ENVIRONMENT, ...(ephemeral ? EPHEMERAL : {}) },
    // In a session of its own: what the terminal sends to our group is not for those who clean up.
    detached: true,
    stdio: ['ignore', ephemeral ? 'pipe' : 'ignore', 'pipe'],
  });
  const gone = new Promise((resolve) => { wshd.once('close', resolve); });
  let words = '';
  wshd.stderr!.setEncoding('utf8').on('data', (text: string) => { words = (words + text).slice(0, WORDS_MAX); });
  return { wshd, lifeline: wshd.stdout, gone, words: () => words };
}

/** Waits until the container serves. */
export async function served(started: Started, signal: AbortSignal | undefined): Promise<void> {
  const unheard = whenAborted(signal, () => { started.wshd.kill('SIGKILL'); });
  try {
    const ending = await endOf(started.wshd);
    if (ending === undefined && !signal?.aborted) return letGo(started);
    // Whoever it started ends with it; only then is it clear what there is to be removed.
    await isGone(started);
    if (signal?.aborted) throw aborted(signal);
    throw new WardenError('START_FAILED', `the container could not be started: ${ending}, saying\n${indented(started.words())}`);
  } finally {
    unheard();
  }
}

/** A container is no reason for this process to live. */
function letGo({ wshd, lifeline }: Started): void {
  (lifeline as Socket | null)?.unref();
  (wshd.stderr as Socket).unref();
}

/** undefined: it serves; else how wshd ended. */
async function endOf(wshd: ChildProcess): Promise<string | undefined> {
  try {
    const [code, signal] = await once(wshd, 'exit') as [number | null, NodeJS.Signals | null];
    if (code === 0) return undefined;
    return signal ? `wshd was killed by ${signal}` : `wshd ended with exit code ${code}`;
  } catch (error) {
    return `${reason(error)} (are the native programs built? npm run build)`;
  }
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
  started.lifeline?.destroy();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => { timer = setTimeout(() => resolve(false), GONE_DEADLINE_MS); });
  try {
    return await Promise.race([started.gone.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}
