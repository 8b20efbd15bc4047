/** Which systems and kernels can hold a container. */
import { release } from 'node:os';
import { WardenError } from './errors.js';

/** mount_setattr(2) is the newest call that every container needs. */
const OLDEST = [5, 12] as const;
export const OLDEST_KERNEL = OLDEST.join('.');

/** Of a version as uname(2) has it: `6.1.0-13-amd64`. */
export function isKernelTooOld(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1]);
}

/** Throws UNSUPPORTED on another system. */
export function checkPlatform(platform: string = process.platform): void {
  if (platform !== 'linux') throw new WardenError('UNSUPPORTED', `containers need Linux, and this is ${platform}`);
}

/** Throws UNSUPPORTED where no container can be made. */
export function checkSystem(platform: string = process.platform, kernel = release()): void {
  checkPlatform(platform);
  if (isKernelTooOld(kernel)) throw new WardenError('UNSUPPORTED', `containers need Linux ${OLDEST_KERNEL} or later, and this is ${kernel}`);
}
