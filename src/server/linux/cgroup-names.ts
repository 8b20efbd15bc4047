/** /tmp/warden/cgroup/CONTROLLER, where operators of the original look: links to the hierarchies that are mounted. */
import { lstatSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf, reason } from '../../base/errors.js';
import type { Logger } from '../logging/logger.js';

const PLACE = '/tmp/warden';
const CONTROLLERS = ['cpu', 'cpuacct', 'devices', 'memory'];

/** /tmp is everybody's: what is not entirely root's is left alone, and nothing here depends on it. */
export function linkCgroups(log: Logger): void {
  try {
    for (const directory of [PLACE, join(PLACE, 'cgroup')]) {
      makeUnlessThere(() => mkdirSync(directory, { mode: 0o755 }));
      const info = lstatSync(directory);
      if (!info.isDirectory() || info.uid !== 0 || (info.mode & 0o022) !== 0) return log.warn('no links to cgroups are made: not root\'s own', { directory });
    }
    const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n').map((row) => row.split(' '));
    for (const controller of CONTROLLERS) {
      const mount = mounts.find((row) => row.at(-3) === 'cgroup' && (row.at(-1) ?? '').split(',').includes(controller))?.[4];
      if (mount !== undefined) makeUnlessThere(() => symlinkSync(mount, join(PLACE, 'cgroup', controller)));
    }
  } catch (error) {
    log.warn('no links to cgroups are made', { directory: PLACE, why: reason(error) });
  }
}

function makeUnlessThere(make: () => void): void {
  try {
    make();
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
  }
}
