/** Paths of the package's own files, independent of the current directory. */
import { fileURLToPath } from 'node:url';
import { nativeRoot } from './native.js';

/** The package's root: this file is compiled to build/js/src/base. */
export const packageRoot = fileURLToPath(new URL('../../../../', import.meta.url));

/** The WebAssembly module of a program, or of the codec. */
export function wasmPath(name: string): string { return `${packageRoot}build/wasm/${name}.wasm`; }
/** A native program. */
export function programPath(name: string): string { return `${nativeRoot}/bin/${name}`; }
/** The hooks, and the default filter of system calls. */
export const libPath = `${nativeRoot}/lib`;
/** The monitor, under the name that container engines look for. */
export const monitorPath = `${nativeRoot}/libexec/warden/conmon`;
export const addonPath = `${nativeRoot}/addon/warden.node`;
/** The script that each thread of a simulation campaign runs (src/sim/campaign). */
export const workerPath = `${packageRoot}build/js/src/sim/campaign/worker.js`;
/** The page that shows a simulated host: index.html and what belongs to it. */
export const playgroundPath = `${packageRoot}build/playground`;
