/** Copies of files and directories between the host and a container. docs/reference/warden.md, "cp" */
import { closeSync, openSync, renameSync, type Stats, unlinkSync, utimesSync } from 'node:fs';
import { basename, dirname, posix, resolve } from 'node:path';
import { reason, WardenError } from '../../base/errors.js';
import { abortSignal, checkOptions, type Checks, flag, fullText, mustBe, usage } from '../../base/validate.js';
import type { Execution } from '../exec/execution.js';
import { openDescriptor } from '../exec/stdio.js';
import { makeStaging, mergeStaging, packArguments, removeStaging, startTar, statusOf, unpackArguments, withPipe } from './host.js';
import { absolute, type Ending, type Found, type Inside, isWhole, meansContents, SCRIPTS } from './inside.js';

export interface CopyOptions {
  /** Whether copies keep the owners' numbers (false: they belong to the container's root; on the host to this process's user). */
  archive?: boolean | undefined;
  /** Ends the copy; a part of a file or directory may remain where it goes. */
  signal?: AbortSignal | undefined;
}

const CHECKS: Checks<CopyOptions> = { archive: flag, signal: abortSignal };

/** The host's side: a path, or the descriptor of a tar stream. */
export type HostSide = string | number;

/** Throws USAGE. */
export function checkCopy(host: unknown, path: unknown, options: CopyOptions): void {
  if (typeof host === 'number') openDescriptor('the descriptor', host);
  else if (typeof host === 'string') fullText('the path on the host', host);
  else throw mustBe('the host\'s side', 'a path or the number of a descriptor', host);
  fullText('the path in the container', path);
  checkOptions(options, CHECKS);
}

/** Permissions of a file whose own nobody knows. */
const MODE_DEFAULT = 0o644, MODE_BITS = 0o7777, PERMISSIONS = 0o777;

/** tar(1) as root gives files to the owners that are in the archive, unless it is told not to. */
function owners(archive: boolean | undefined): string { return archive ? '' : '-o'; }

export async function copyIn(inside: Inside, source: HostSide, path: string, { archive }: CopyOptions): Promise<void> {
  const target = absolute(path), found = await inside.find(target);
  if (typeof source === 'number') {
    if (found.kind !== 'directory') throw noDirectory(inside.name(target), found.kind === 'missing');
    return finish(inside, inside.start(SCRIPTS.putTree, [target, owners(archive)], source, 'ignore'), `unpack into ${inside.name(target)}`);
  }
  const status = statusOf(source);
  if (!status) throw new WardenError('NOT_FOUND', `there is no ${source} on the host`);
  const own = basename(resolve(source)), isInto = found.kind === 'directory' && !(status.isDirectory() && meansContents(source));
  const place = isInto ? posix.join(target, own) : target;
  if (found.kind !== 'directory') checkPlace(inside, target, found, status.isDirectory());
  const what = `copy ${source} to ${inside.name(place)}`;
  if (!status.isDirectory()) return putFile(inside, source, status, place, what);
  const [packed, unpacked] = withPipe((read, write) => [
    startTar(packArguments(source), 'ignore', write),
    inside.start(SCRIPTS.putTree, [place, owners(archive)], read, 'ignore'),
  ] as const);
  // An end of this side is what its reader's end leads to.
  const [there, here] = await settled(inside.endOf(unpacked), packed);
  if (!isWhole(there)) throw inside.failure(what, there.message);
  if (!isWhole(here) && here.signal !== 'SIGPIPE') throw new WardenError('LOST', `cannot ${what}: ${here.message}`);
}

/** Both ends; the first error when one has none. Nothing is left running then. */
async function settled(there: Promise<Ending>, here: Promise<Ending>): Promise<[there: Ending, here: Ending]> {
  const [first, second] = await Promise.allSettled([there, here]);
  if (second.status === 'rejected') throw second.reason;
  if (first.status === 'rejected') throw first.reason;
  return [first.value, second.value];
}

async function putFile(inside: Inside, source: string, status: Stats, place: string, what: string): Promise<void> {
  const mode = status.isFile() ? status.mode & MODE_BITS : MODE_DEFAULT, modifiedAt = Math.floor(status.mtimeMs / 1_000);
  const fd = openHost(source, 'r', MODE_DEFAULT);
  try {
    await finish(inside, inside.start(SCRIPTS.putFile, [place, mode.toString(8), String(modifiedAt)], fd, 'ignore'), what);
  } finally {
    closeSync(fd);
  }
}

async function finish(inside: Inside, execution: Execution, what: string): Promise<void> {
  const end = await inside.endOf(execution);
  if (!isWhole(end)) throw inside.failure(what, end.message);
}

function noDirectory(name: string, isMissing: boolean): WardenError {
  return isMissing ? new WardenError('NOT_FOUND', `there is no directory ${name}`) : usage(`${name} is no directory`);
}

/** What a copy would replace or make in the container. */
function checkPlace(inside: Inside, target: string, { kind, hasParent }: Found, isDirectory: boolean): void {
  const name = inside.name(target);
  if (kind === 'dangling') throw usage(`${name} is a link that leads nowhere`);
  if (kind === 'other') throw usage(`${name} is a device, a FIFO or a socket`);
  if (kind === 'file' && isDirectory) throw usage(`${name} is a file, and a directory cannot be copied to a file`);
  if (kind === 'missing' && !hasParent) throw noDirectory(inside.name(posix.dirname(target)), true);
  if (kind === 'missing' && !isDirectory && target.endsWith('/')) throw noDirectory(name, true);
}

/** What a copy would read in the container. */
function checkSource(name: string, { kind }: Found): void {
  if (kind === 'missing') throw new WardenError('NOT_FOUND', `there is no ${name}`);
  if (kind === 'dangling') throw new WardenError('NOT_FOUND', `${name} is a link that leads nowhere`);
  if (kind === 'other') throw usage(`${name} is a device, a FIFO or a socket: only files, directories and links can be copied`);
}

export async function copyOut(inside: Inside, path: string, target: HostSide, options: CopyOptions): Promise<void> {
  const source = absolute(path), found = await inside.find(source), name = inside.name(source);
  checkSource(name, found);
  if (typeof target === 'number') {
    const isAll = found.kind === 'directory' && meansContents(source), trimmed = source.replace(/(?<=[^/])\/+$/, '');
    const script = isAll ? SCRIPTS.getTree : SCRIPTS.getNamed;
    const args = isAll ? [source] : [posix.dirname(trimmed), posix.basename(trimmed)];
    return finish(inside, inside.start(script, args, 'ignore', target), `read ${name}`);
  }
  const isDirectory = found.kind === 'directory', before = statusOf(target);
  const isInto = before?.isDirectory() === true && !(isDirectory && meansContents(source));
  const place = isInto ? `${target}/${posix.basename(source)}` : target;
  checkHostPlace(target, before, isDirectory);
  const what = `copy ${name} to ${place}`;
  return isDirectory ? getTree(inside, source, place, what, options) : getFile(inside, source, found, place, what);
}

function checkHostPlace(target: string, before: Stats | undefined, isDirectory: boolean): void {
  if (before?.isDirectory()) return;
  if (before && (isDirectory || target.endsWith('/'))) throw usage(`${target} is no directory`);
  const isMissing = !before && !isDirectory && target.endsWith('/'), above = isMissing ? target : dirname(target);
  if (isMissing || !statusOf(above)?.isDirectory()) throw new WardenError('NOT_FOUND', `there is no directory ${above} on the host`);
}

function openHost(path: string, flags: string, mode: number): number {
  try {
    return openSync(path, flags, mode);
  } catch (error) {
    throw new WardenError('NOT_FOUND', `cannot open ${path}: ${reason(error)}`, { cause: error });
  }
}

async function getFile(
  inside: Inside, source: string, { mode = MODE_DEFAULT, modifiedAt }: Found, place: string, what: string,
): Promise<void> {
  const isNew = statusOf(place) === undefined, fd = openHost(place, 'w', mode & PERMISSIONS);
  try {
    await finish(inside, inside.start(SCRIPTS.getFile, [source], 'ignore', fd), what);
    if (modifiedAt !== undefined) utimesSync(place, modifiedAt, modifiedAt);
  } catch (error) {
    if (isNew) unlinkSync(place);
    throw error;
  } finally {
    closeSync(fd);
  }
}

/** Unpacks beside the place, and moves what came there when all of it has come. */
async function getTree(inside: Inside, source: string, place: string, what: string, { archive = false }: CopyOptions): Promise<void> {
  const before = statusOf(place);
  if (before && !before.isDirectory()) throw usage(`${place} is a file, and a directory cannot be copied to a file`);
  const staging = makeStaging(before ? place : dirname(place));
  try {
    const [packed, unpacked] = withPipe((read, write) => [
      inside.start(SCRIPTS.getTree, [source], 'ignore', write), startTar(unpackArguments(staging, archive), read, 'ignore'),
    ] as const);
    const [there, here] = await settled(inside.endOf(packed), unpacked);
    if (!isWhole(there) && there.signal !== 'SIGPIPE') throw inside.failure(what, there.message);
    if (here.exitCode !== 0) throw new WardenError('LOST', `cannot ${what}: ${here.message}`);
    if (before) mergeStaging(staging, place);
    else renameSync(staging, place.replace(/(?<=[^/])\/+$/, ''));
  } finally {
    removeStaging(staging);
  }
}
