/** Filters of system calls and names of capabilities: the compiled assembly/filter, loaded when something is asked of it. */
import { readFileSync } from 'node:fs';
import { libPath, wasmPath } from '../base/paths.js';

/** As Docker's and Garden's. The build makes `DEFAULT_FILTER` for them: tools/build/filter.mjs. */
export const DEFAULT_CAPABILITIES: readonly string[] = [
  'chown', 'dac_override', 'fowner', 'fsetid', 'kill', 'setgid', 'setuid', 'setpcap', 'net_bind_service', 'net_raw', 'sys_chroot', 'mknod',
  'audit_write', 'setfcap',
];
/** The filter of the default profile, for containers with these capabilities. */
export const DEFAULT_FILTER = `${libPath}/seccomp.filter`;
const DEFAULT_PROFILE = `${libPath}/seccomp.json`;

/** AUDIT_ARCH_ of linux/audit.h. */
const ARCHITECTURES: Readonly<Record<string, number>> = { x64: 0xc000003e, arm64: 0xc00000b7, riscv64: 0xc00000f3 };

/** Exports of assembly/filter/index.ts. */
interface FilterModule {
  memory: WebAssembly.Memory;
  textAt(): number;
  textBytes(): number;
  makeFilter(size: number, architecture: number, capabilities: bigint): number;
  filterAt(): number;
  wordsAt(): number;
  wordsSize(): number;
  capabilities(): number;
  capabilityNumber(size: number): number;
  capabilityName(number: number): number;
}

let loaded: FilterModule | undefined;

function compiler(): FilterModule {
  if (loaded) return loaded;
  const module = new WebAssembly.Module(readFileSync(wasmPath('filter')));
  const instance = new WebAssembly.Instance(module, { wasi_snapshot_preview1: { fd_write: () => 0 } });
  return loaded = instance.exports as unknown as FilterModule;
}

function bytesAt(at: number, size: number): Buffer { return Buffer.from(compiler().memory.buffer, at, size); }

/** Puts what the module is to look at; false when it is longer than fits. */
function put(text: Uint8Array): boolean {
  if (text.length > compiler().textBytes()) return false;
  bytesAt(compiler().textAt(), text.length).set(text);
  return true;
}

function number(name: string): number {
  const bytes = Buffer.from(name);
  return put(bytes) ? compiler().capabilityNumber(bytes.length) : -1;
}

/** The capability's name as `wshd --capabilities` has it, of a name with CAP_ or without; undefined when there is none. */
export function capabilityOf(name: string): string | undefined {
  const found = number(name);
  return found < 0 ? undefined : nameOf(found);
}

function nameOf(capability: number): string {
  return bytesAt(compiler().wordsAt(), compiler().capabilityName(capability)).toString('latin1').toLowerCase();
}

export function allCapabilities(): string[] {
  return Array.from({ length: compiler().capabilities() }, (_, capability) => nameOf(capability));
}

/** capabilities(7) as bits. */
export function capabilityBits(names: readonly string[]): bigint {
  return names.reduce((set, name) => set | 1n << BigInt(number(name)), 0n);
}

/**
 * The filter of a profile: OCI's linux.seccomp, or a file of containers-common or Docker, whose conditions are judged by the
 * capabilities. A string says why there is none.
 */
export function makeFilter(profile: Uint8Array, capabilities: readonly string[]): Buffer | string {
  const architecture = ARCHITECTURES[process.arch];
  if (architecture === undefined) return `there are no filters for the processor ${process.arch}`;
  const set = capabilityBits(capabilities);
  if (!put(profile)) return `it has more than ${compiler().textBytes()} bytes`;
  const size = compiler().makeFilter(profile.length, architecture, set);
  if (size === 0) return bytesAt(compiler().wordsAt(), compiler().wordsSize()).toString('latin1');
  return Buffer.from(bytesAt(compiler().filterAt(), size));
}

/** The default profile's filter for a container with these capabilities. */
export function makeDefaultFilter(capabilities: readonly string[]): Buffer {
  const filter = makeFilter(readFileSync(DEFAULT_PROFILE), capabilities);
  if (typeof filter === 'string') throw new Error(`${DEFAULT_PROFILE}: ${filter}`);
  return filter;
}
