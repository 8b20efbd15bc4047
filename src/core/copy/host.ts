/** The host's half of a copy: tar(1) of the host, which takes what a container sends for what it is: a stranger's. */
import { spawn } from 'node:child_process';
import {
  chmodSync, closeSync, lstatSync, mkdtempSync, readdirSync, renameSync, rmdirSync, rmSync, type Stats, statSync, unlinkSync,
} from 'node:fs';
import { getuid } from 'node:process';
import { errnoOf, reason, WardenError } from '../../base/errors.js';
import { makePipe } from '../../host/pipe.js';
import { type Ending, lastLine, textOf } from './inside.js';

/** Bytes of a program's messages of which the last line is shown. */
const MESSAGES_MAX = 4_096;
const SLASH = Buffer.from('/');

/** undefined where nothing is. Follows links. */
export function statusOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    if (errnoOf(error) === 'ENOTDIR') return undefined;
    throw new WardenError('NOT_FOUND', `cannot look at ${path}: ${reason(error)}`, { cause: error });
  }
}

/** Runs `work` with a pipe whose ends are closed here when it returns. */
export function withPipe<Result>(work: (read: number, write: number) => Result): Result {
  const [read, write] = makePipe('tar');
  try {
    return work(read, write);
  } finally {
    closeSync(read);
    closeSync(write);
  }
}

/** Runs tar(1) with this descriptor as its input or output. */
export function startTar(args: readonly string[], stdin: number | 'ignore', stdout: number | 'ignore'): Promise<Ending> {
  const [file = '', ...rest] = args;
  const child = spawn(file, rest, { stdio: [stdin, stdout, 'pipe'], env: { ...process.env, LC_ALL: 'C' } });
  return new Promise((resolve, reject) => {
    const messages = textOf(child.stderr!, MESSAGES_MAX);
    child.once('error', (error) => reject(new WardenError('UNSUPPORTED', `cannot execute ${file} on the host: ${reason(error)}`, { cause: error })));
    child.once('close', (exitCode, signal) => { void messages.then((text) => resolve({ exitCode, signal, message: lastLine(text) })); });
  });
}

/** Without its users' names, which mean others in the container. */
export function packArguments(directory: string): string[] { return ['tar', '--numeric-owner', '-cf', '-', '-C', directory, '.']; }

/** A device of a container's choice must not be made on the host, nor a set-user-id program. */
export function unpackArguments(directory: string, archive: boolean): string[] {
  const tar = ['tar', '-xf', '-', '-C', directory, '--no-same-permissions', '--numeric-owner', archive ? '--same-owner' : '--no-same-owner'];
  return getuid?.() === 0 ? ['setpriv', '--bounding-set=-mknod', '--inh-caps=-mknod', '--', ...tar] : tar;
}

/** A new directory in `directory`, on the same file system: tar meets nothing there but what it has made itself. */
export function makeStaging(directory: string): string {
  try {
    return mkdtempSync(`${directory}/.warden-cp-`);
  } catch (error) {
    throw new WardenError('NOT_FOUND', `cannot make a directory in ${directory}: ${reason(error)}`, { cause: error });
  }
}

export function removeStaging(path: string): void {
  try {
    chmodSync(path, 0o700);
    rmSync(path, { recursive: true, force: true });
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
}

function join(directory: Buffer, name: Buffer): Buffer { return Buffer.concat([directory, SLASH, name]); }

/**
 * Moves what is in the directory `from` into the directory `to`, in place of what has the same names there. Directories are merged; a link
 * to a directory is replaced, not followed: the container may have sent the link the last time. Names need not be UTF-8.
 */
function merge(from: Buffer, to: Buffer): void {
  for (const name of readdirSync(from, 'buffer')) {
    const source = join(from, name), target = join(to, name), isDirectory = lstatSync(source).isDirectory();
    const before = lstatSync(target, { throwIfNoEntry: false });
    if (isDirectory && before?.isDirectory()) {
      // A directory that its owner cannot write to cannot be emptied either.
      const { mode } = lstatSync(source);
      chmodSync(source, 0o700);
      merge(source, target);
      rmdirSync(source);
      chmodSync(target, mode & 0o777);
      continue;
    }
    if (before?.isDirectory()) throw new WardenError('EXISTS', `${target.toString()} is a directory, and the container has none of this name there`);
    if (isDirectory && before) unlinkSync(target);
    renameSync(source, target);
  }
}

/** Moves what was unpacked into an existing directory. */
export function mergeStaging(staging: string, directory: string): void {
  chmodSync(staging, 0o700);
  try {
    merge(Buffer.from(staging), Buffer.from(directory));
  } catch (error) {
    throw error instanceof WardenError ? error : new WardenError('LOST', `cannot move the copy to ${directory}: ${reason(error)}`, { cause: error });
  }
}
