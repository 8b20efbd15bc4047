/** Where the native half is: built in this package, or installed as the optional package for this platform. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../../', import.meta.url));
const built = `${root}build`;

/** The processors that have a package, in the names of `process.arch`; tools/release makes them. */
export const PROCESSORS = ['x64', 'arm64'] as const;

/** The name of the package with the programs for a processor. */
export function platformPackage(arch: string): string { return `warden-wasm-linux-${arch}`; }

function find(): string {
  if (existsSync(`${built}/bin`)) return built;
  try {
    return dirname(createRequire(import.meta.url).resolve(`${platformPackage(process.arch)}/package.json`));
  } catch {
    // Neither: `built` is the place that messages name.
    return built;
  }
}

/** The directory of bin, lib, libexec and addon. */
export const nativeRoot = find();

/** How this machine gets the native half, as the end of a message. */
export function howToGetNative(): string {
  const { platform, arch } = process;
  if (platform !== 'linux' || !(PROCESSORS as readonly string[]).includes(arch)) {
    return `there are native programs for Linux on x86-64 and arm64, and this is ${platform} on ${arch}`;
  }
  if (existsSync(`${root}shim/Makefile`)) return 'build it: npm run build (needs make, gcc and g++)';
  return `install ${platformPackage(arch)} of the same version: npm leaves it out with --omit=optional, and without glibc`;
}
