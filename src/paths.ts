/** Where the package's own parts lie, whatever the current directory is. */
import { fileURLToPath } from 'node:url';

/** The package's root: this file is compiled to build/js/src. */
export const packageRoot = fileURLToPath(new URL('../../../', import.meta.url));

/** A module: a program's, or the codec. */
export function wasmPath(name: string): string { return `${packageRoot}build/wasm/${name}.wasm`; }
/** A native program. */
export function programPath(name: string): string { return `${packageRoot}build/bin/${name}`; }
export const addonPath = `${packageRoot}build/addon/warden.node`;
/** What each thread of a swarm runs (src/sim/swarm). */
export const workerPath = `${packageRoot}build/js/src/sim/swarm/worker.js`;
