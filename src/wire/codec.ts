/**
 * The wire formats for TypeScript in Node: every layout and every check is the compiled codec's (assembly/codec), which is
 * the code that the programs run. docs/reference/protocol.md. In a browser, make a `Codec` of the module's bytes instead (module.ts).
 */
import { readFileSync } from 'node:fs';
import { wasmPath } from '../base/paths.js';
import { Codec } from './codec-module.js';
import * as requests from './request.js';

export { UNLIMITED } from './request.js';
export type { Decoded, Limit, Refusal, Request } from './request.js';

let loaded: Codec | undefined;

/** The codec of this process; loaded when first asked for. */
export function codec(): Codec { return loaded ??= new Codec(new WebAssembly.Module(readFileSync(wasmPath('codec')))); }

/** The bytes of a request; a RangeError when it does not fit into one. */
export function encodeRequest(request: requests.Request): Buffer { return Buffer.from(requests.encodeRequest(codec(), request).buffer); }

/** The request that the bytes are, or why they are none. Text that is not UTF-8 is replaced. */
export function decodeRequest(message: Uint8Array): requests.Decoded { return requests.decodeRequest(codec(), message); }
