/** Starting a container: a native wshd, with the hooks of shim/hooks. */
import { closeSync, openSync } from 'node:fs';
import { Socket } from 'node:net';
import { constants } from 'node:os';
import { getSystemErrorMap, getSystemErrorName } from 'node:util';
import { aborted, whenAborted } from '../../base/abort.js';
import { adviceOn, WardenError } from '../../base/errors.js';
import { libPath, packageRoot, programPath } from '../../base/paths.js';
import { Child, type ChildEnd } from '../../host/native-process.js';
import { makePipe } from '../../host/pipe.js';
import { DEFAULT_FILTER } from '../../linux/filter.js';
import { FILTER_FILE, INIT_NAME } from '../depot/layout.js';
import type { Ids } from '../../linux/ids.js';
import { fromWaitStatus } from '../exec/outcome.js';
import { entering, type Network } from '../network/network.js';
import type { Isolation } from './plan.js';

/** The watcher runs the host's programs, independent of the caller's environment. */
const ENVIRONMENT = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' };
/** Makes the hook on the host leave a watcher behind. */
const EPHEMERAL = { WATCHER: `${packageRoot}shim/hooks/watch.sh` };
/** Keeps the hook that makes the root from entering a network namespace. */
const SHARED_NETWORK = { SHARES_NETWORK: '1' };
/** A killed process ends at once, unless a system call keeps it. */
export const END_DEADLINE_MS = 10_000;
const MESSAGES_CHARACTERS_MAX = 8_192;
/** What hook-parent-before-clone.sh says with exit code 3. */
const UNMAPPABLE = /^hook-parent-before-clone\.sh: (.*)\n.* failed with exit code 3$/m;

/** The container's files cannot appear under ids of its own. */
export class UnmappableError extends WardenError {
  constructor(readonly why: string) { super('START_FAILED', why); }
}

/** wshd while it starts; later the watcher that it left behind. */
export class Started {
  /** Fulfilled when no process holds the standard error any more: wshd, its hooks and the watcher have ended. */
  readonly ended: Promise<void>;
  /** What these processes wrote to standard error. */
  messages = '';

  /** `lifeline`: a pipe to which nothing is written. The watcher waits for its end, which comes when we close it or die. */
  constructor(readonly wshd: Child, private readonly stderr: Socket, private lifeline: number | undefined) {
    this.ended = new Promise((resolve) => { stderr.once('close', () => resolve()); });
    stderr.on('error', () => undefined);
    stderr.setEncoding('utf8').on('data', (text: string) => { this.messages = (this.messages + text).slice(0, MESSAGES_CHARACTERS_MAX); });
  }

  /** A container must not keep this process alive. */
  unref(): void { this.stderr.unref(); }

  /** Ends the watcher. */
  cutLifeline(): void {
    if (this.lifeline !== undefined) closeSync(this.lifeline);
    this.lifeline = undefined;
  }
}

/** What wshd has to know of the container's ids. */
function idOptions(ids: Ids | undefined): string[] {
  if (!ids) return [];
  if (ids.method === 'single') return ['--user-namespace', '--keep-groups'];
  // The kernel counts what the container uses up for its own root, and not for the host's, whom all containers share.
  return ids.method === 'write' ? ['--user-namespace', '--owner', String(ids.uids[0]!.outside)] : ['--user-namespace'];
}

/** wshd's options. Those of a container that may do everything still keep the caller's keys and priorities from it. */
function confining({ capabilities, seccomp }: Isolation): string[] {
  const bounds = capabilities === 'all' ? [] : ['--capabilities', capabilities.join(',') || 'none'];
  const filter = seccomp === 'unconfined' ? [] : ['--filter', seccomp === 'default' ? DEFAULT_FILTER : FILTER_FILE];
  return ['--no-new-privs', '--confine', ...bounds, ...filter];
}

interface StartSettings {
  readonly ephemeral: boolean;
  readonly ids: Ids | undefined;
  readonly network: Network;
  readonly isolation: Isolation;
}

/** Starts wshd; `whenServing` waits until the container serves. */
export function startWshd(id: string, directory: string, { ephemeral, ids, network, isolation }: StartSettings): Started {
  const isShared = network.of !== 'container';
  const options = [...confining(isolation), ...idOptions(ids), ...(isShared ? ['--share-network'] : [])];
  const childFds: number[] = [], ourFds: number[] = [];
  const pipe = (childEnd: 0 | 1): number => {
    const ends = makePipe('wshd');
    ourFds.push(ends[1 - childEnd]!);
    childFds.push(ends[childEnd]);
    return ends[childEnd];
  };
  try {
    const nothing = openSync('/dev/null', 'r+');
    childFds.push(nothing);
    const stderr = pipe(1), stdin = ephemeral ? pipe(0) : nothing;
    // The directory is entered, not named: the path of a socket is short. The hooks' directory is the package's: the depot may be on a
    // file system without executables, as /run often is.
    const command = [programPath('wshd'), '--run', 'run', '--lib', libPath, '--root', 'root', '--title', `${INIT_NAME}: ${id}`, ...options];
    const argv = network.of === 'file' ? entering(network.path, command) : command;
    const wshd = new Child({
      file: argv[0]!,
      argv,
      env: { ...ENVIRONMENT, ...(ephemeral ? EPHEMERAL : {}), ...(isShared ? SHARED_NETWORK : {}) },
      cwd: directory,
      stdio: [stdin, nothing, stderr],
    });
    const [messages, lifeline] = ourFds.splice(0);
    return new Started(wshd, new Socket({ fd: messages!, readable: true, writable: false }), lifeline);
  } finally {
    for (const fd of [...childFds, ...ourFds]) closeSync(fd);
  }
}

/** Fulfilled when the container serves; rejected when it cannot, or when the signal is aborted. */
export async function whenServing(started: Started, signal: AbortSignal | undefined): Promise<void> {
  const removeAbortListener = whenAborted(signal, () => started.wshd.kill(constants.signals.SIGKILL));
  try {
    const end = await started.wshd.exited;
    if (end.status === 0 && !signal?.aborted) return started.unref();
    // Processes that wshd has started end with it. Only then is it certain what has to be removed.
    await hasEnded(started);
    if (signal?.aborted) throw aborted(signal);
    const cannotMap = UNMAPPABLE.exec(started.messages)?.[1];
    if (cannotMap !== undefined) throw new UnmappableError(indented(cannotMap).trim());
    throw new WardenError('START_FAILED', `the container could not be started: ${endOf(end)}; its messages:\n${indented(started.messages)}`);
  } finally {
    removeAbortListener();
  }
}

function endOf({ status, errno }: ChildEnd): string {
  if (errno !== undefined) {
    const name = getSystemErrorName(-errno);
    return `wshd cannot be executed (${name})${adviceOn(name)}`;
  }
  const { exitCode, signal } = fromWaitStatus(status);
  return signal ? `wshd was killed by ${signal}` : `wshd ended with exit code ${exitCode}`;
}

/** The hooks have no C library with the texts of errors, so they write "(errno N)". */
function indented(messages: string): string {
  const spelled = messages.trimEnd().replace(/\(errno (\d+)\)/g, (number, digits: string) => {
    const [name, meaning] = getSystemErrorMap().get(-Number(digits)) ?? [];
    return name === undefined ? number : `(${name}: ${meaning})`;
  });
  return spelled.trim() === '' ? '  none' : spelled.replace(/^/gm, '  ');
}

/** Ends the watcher, which has the container's directory open, and waits: false when a process is left at the deadline. */
export async function hasEnded(started: Started): Promise<boolean> {
  started.cutLifeline();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => { timer = setTimeout(() => resolve(false), END_DEADLINE_MS); });
  try {
    return await Promise.race([started.ended.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}
