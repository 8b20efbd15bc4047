/**
 * WASI for modules in a simulation: that of @wasmer/wasi. The kernel replaces the clock and the exit, which would be JavaScript's,
 * and arguments and environment, which the library needs before the process exists.
 */
import type { WASI } from '@wasmer/wasi';
import { isIn, storeSizes, storeStrings } from '../../boundary/wasi-args.js';

const SUCCESS = 0, BAD_DESCRIPTOR = 8, FAULT = 21, INVALID = 28, IO_ERROR = 29;
/** The largest number of vectors of one fd_write: IOV_MAX, writev(2) */
const VECTORS_MAX = 1024;
const VECTOR_BYTES = 8;
/**
 * The library copies printed text into a memory that the WASI of all processes shares, and a failed allocation leaves that memory
 * unusable. A guest's vectors may name one large text a thousand times, so their total is checked before the library gets them.
 */
const PRINT_BYTES_MAX = 1 << 16;
const CLOCK_MONOTONIC = 1;

/** The process that a module runs in, as WASI needs it. */
export interface WasiHost {
  readonly argv: readonly string[];
  /** `NAME=value` */
  readonly environment: readonly string[];
  nowMs(): number;
  /** Writes to the process's stdout (1) or stderr (2): bytes, or a negated errno. */
  print(fd: number, bytes: Uint8Array): number;
  exit(code: number): never;
}

type Imports = Record<string, (...values: never[]) => unknown>;
type WasiClass = typeof WASI;

let loaded: WasiClass | undefined;

/** Loads @wasmer/wasi, once: it takes 45 ms and 20 MiB. */
export async function loadWasi(): Promise<void> {
  if (loaded) return;
  const library = await import('@wasmer/wasi');
  const removeStandIn = provideBuffer();
  try {
    await library.init();
  } finally {
    removeStandIn();
  }
  loaded = library.WASI;
}

/** The library decodes its own bytes with Node's Buffer. In a browser, this provides the part of Buffer that the library uses. */
function provideBuffer(): () => void {
  const scope = globalThis as { Buffer?: unknown };
  if (scope.Buffer !== undefined) return () => undefined;
  scope.Buffer = { from: (text: string) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)) };
  return () => { delete scope.Buffer; };
}

export interface Wasi {
  readonly imports: Imports;
  /** Sets the memory that the calls' offsets refer to. */
  attach(instance: WebAssembly.Instance): void;
  free(): void;
}

/** `memory` returns the module's memory, once it exists; `host` the process that runs in the module at the moment. */
export function makeWasi(module: WebAssembly.Module, memory: () => WebAssembly.Memory, host: () => WasiHost): Wasi {
  if (!loaded) throw new Error('WASI is not loaded: call preparePrograms() first');
  const wasi = new loaded({});
  const { wasi_snapshot_preview1: given } = wasi.getImports(module) as { wasi_snapshot_preview1: Imports };
  const write = given['fd_write'] as (fd: number, vectors: number, count: number, writtenAt: number) => number;
  return {
    imports: {
      args_sizes_get: (countAt: number, bytesAt: number) => storeSizes(memory(), host().argv, countAt, bytesAt),
      args_get: (pointersAt: number, textAt: number) => storeStrings(memory(), host().argv, pointersAt, textAt),
      environ_sizes_get: (countAt: number, bytesAt: number) => storeSizes(memory(), host().environment, countAt, bytesAt),
      environ_get: (pointersAt: number, textAt: number) => storeStrings(memory(), host().environment, pointersAt, textAt),
      clock_time_get(clock: number, _precision: bigint, at: number): number {
        if (clock >>> 0 > CLOCK_MONOTONIC) return IO_ERROR;
        if ((at >>> 0) + 8 > memory().buffer.byteLength) return FAULT;
        new DataView(memory().buffer).setBigUint64(at >>> 0, BigInt(Math.trunc(host().nowMs() * 1000)) * 1000n, true);
        return SUCCESS;
      },
      fd_write(fd: number, vectors: number, count: number, writtenAt: number): number {
        if (fd !== 1 && fd !== 2) return BAD_DESCRIPTOR;
        const bad = judgeVectors(memory(), vectors, count, writtenAt);
        if (bad !== SUCCESS) return bad;
        const result = write(fd, vectors, count, writtenAt);
        if (result !== SUCCESS) return result;
        const sent = host().print(fd, fd === 1 ? wasi.getStdoutBuffer() : wasi.getStderrBuffer());
        if (sent < 0) return IO_ERROR;
        new DataView(memory().buffer).setUint32(writtenAt >>> 0, sent, true);
        return SUCCESS;
      },
      proc_exit(code: number): never { return host().exit(code); },
    },
    attach: (instance) => { wasi.instantiate(instance); },
    free: () => wasi.free(),
  };
}

function judgeVectors(memory: WebAssembly.Memory, vectors: number, count: number, writtenAt: number): number {
  if (count >>> 0 > VECTORS_MAX) return INVALID;
  if (!isIn(memory, vectors, count * VECTOR_BYTES) || !isIn(memory, writtenAt, 4)) return FAULT;
  const view = new DataView(memory.buffer, vectors >>> 0, count * VECTOR_BYTES);
  let total = 0;
  for (let at = 0; at < view.byteLength; at += VECTOR_BYTES) {
    const size = view.getUint32(at + 4, true);
    if (!isIn(memory, view.getUint32(at, true), size)) return FAULT;
    total += size;
  }
  return total > PRINT_BYTES_MAX ? IO_ERROR : SUCCESS;
}
