/** `warden cp`: copies between the host and a container. */
import { existsSync } from 'node:fs';
import { isatty } from 'node:tty';
import { WardenError } from '../../../base/errors.js';
import { isId } from '../../../index.js';
import { interruptible } from '../../support/interrupt.js';
import { openContainer } from '../../support/open.js';
import { containerDirectory, requireLinux } from '../../support/reference.js';

export interface CopyOptions { depot: string; archive?: boolean }

interface Place { readonly container: string; readonly path: string }

export async function cp(source: string, target: string, { depot, archive }: CopyOptions): Promise<number> {
  const from = placeOf(source), to = placeOf(target);
  if (from && to) throw new WardenError('USAGE', 'both are in a container: copy to the host first, or by a pipe, `warden cp A:PATH - | warden cp - B:PATH`');
  const place = from ?? to;
  if (!place) throw new WardenError('USAGE', `neither ${source} nor ${target} is in a container: CONTAINER:PATH`);
  if (place.path === '') throw new WardenError('USAGE', `${place.container}: names no path; its root is ${place.container}:/`);
  if (source === '-' && isatty(0)) throw new WardenError('USAGE', 'a tar stream does not come from a terminal: send it to standard input');
  if (target === '-' && isatty(1)) throw new WardenError('USAGE', 'a tar stream is not for a terminal: send it to a file or a program');
  requireLinux();
  const directory = containerDirectory(place.container, depot);
  return interruptible('cp', async (signal) => {
    const container = await openContainer(directory);
    if (from) await container.copyOut(from.path, target === '-' ? 1 : target, { archive, signal });
    else await container.copyIn(source === '-' ? 0 : source, place.path, { archive, signal });
    return 0;
  });
}

/**
 * CONTAINER:PATH, with an id or, with a slash in it, a directory that exists; undefined for a path on the host. A path on the host that
 * has a colon begins with "/" or "./".
 */
function placeOf(text: string): Place | undefined {
  const [, container, path] = /^([^:]+):(.*)$/s.exec(text) ?? [];
  if (container === undefined || path === undefined) return undefined;
  return isId(container) || (container.includes('/') && existsSync(`${container}/etc/container.json`)) ? { container, path } : undefined;
}
