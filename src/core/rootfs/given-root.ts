/** A caller's directory as a container's root. */
import { accessSync, chmodSync, constants, lstatSync, mkdirSync, realpathSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { errnoOf, ifReadable, reason, WardenError } from '../../base/errors.js';
import { usage } from '../../base/validate.js';
import type { Layer } from '../options.js';
import { ETC_NAMES, type EtcName } from './etc-files.js';

/** overlayfs separates its options by these. */
const OVERLAY_SEPARATORS = /[,:\\"]/;
/** Directories of the root on which the container's own file systems are mounted. */
const MOUNT_TARGETS = ['proc', 'dev'] as const;

/**
 * Checks that a directory can be a container's root, and returns its absolute path, free of links. Missing mount points are made in
 * it; nothing else is ever written to it.
 */
export function prepareRootfs(root: string): string {
  const directory = realDirectory(root);
  if (directory === '/') {
    throw usage('the host\'s own root cannot be a container\'s; without --root the container gets one with the host\'s programs');
  }
  const missing = MOUNT_TARGETS.filter((name) => !isDirectoryItself(directory, name));
  for (const name of missing) makeMountPoint(directory, name);
  return directory;
}

function realDirectory(root: string): string {
  let directory: string;
  try {
    directory = realpathSync(root);
  } catch (error) {
    throw usage(`the root directory ${root} cannot be used: ${reason(error)}`, { cause: error });
  }
  if (statSync(directory).isDirectory()) return directory;
  throw usage(`the root ${root} is not a directory`);
}

/** False when it is missing. A link there would lead out of the root. */
function isDirectoryItself(directory: string, name: string): boolean {
  const info = lstatSync(join(directory, name), { throwIfNoEntry: false });
  if (info && !info.isDirectory()) throw usage(`${join(directory, name)} must be a directory: the container's own ${name} is mounted on it`);
  return info !== undefined;
}

function makeMountPoint(directory: string, name: string): void {
  const path = join(directory, name);
  try {
    mkdirSync(path, { mode: 0o755 });
    // Whatever this process's umask is.
    chmodSync(path, 0o755);
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return;
    throw new WardenError('START_FAILED', `cannot make ${path}, for the container's own ${name} to be mounted on: `
      + `${reason(error)}; make it by hand`, { cause: error });
  }
}

/** Checks that a layer can lie over a root, and returns it with absolute paths. */
export function checkLayer(root: string, { upper, work }: Layer): Layer {
  const layer = { upper: resolve(upper), work: resolve(work) };
  for (const path of [root, layer.upper, layer.work]) {
    if (OVERLAY_SEPARATORS.test(path)) throw usage(`with a layer, no path may have a comma, colon, quote or backslash: ${JSON.stringify(path)}`);
    if (!ifReadable(() => statSync(path))?.isDirectory()) throw usage(`there is no directory ${path} for the layer`);
  }
  return layer;
}

/**
 * The files of the root's /etc over which the container's own are mounted: those that are there, and those that can be made there, empty.
 * A link may lead out of /etc, and stays. Without a directory /etc the root has no use for them.
 */
export function coverableEtc(root: string, hasLayer: boolean): EtcName[] {
  const etc = join(root, 'etc');
  if (lstatSync(etc, { throwIfNoEntry: false })?.isDirectory() !== true) return [];
  const canMake = hasLayer || isWritable(etc);
  return ETC_NAMES.filter((name) => lstatSync(join(etc, name), { throwIfNoEntry: false })?.isFile() ?? canMake);
}

function isWritable(directory: string): boolean {
  try {
    accessSync(directory, constants.W_OK);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'EROFS' || errnoOf(error) === 'EACCES') return false;
    throw error;
  }
}
