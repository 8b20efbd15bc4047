/** The part of WASI preview 1 that the modules import: arguments, environment, clock, stdout and stderr, exit. */
import { storeSizes, storeStrings } from '../boundary/wasi-args.js';

const SUCCESS = 0;
const BAD_DESCRIPTOR = 8;
const IO_ERROR = 29;
const CLOCK_REALTIME = 0;
const CLOCK_MONOTONIC = 1;

export interface WasiOptions {
  argv: readonly string[];
  /** `NAME=value` */
  environment: readonly string[];
  /** Called in each call of WASI: growth detaches a buffer. */
  memory(): WebAssembly.Memory;
  /** Writes from the memory to stdout (1) or stderr (2): a number of bytes, or a negated errno. */
  print(fd: number, at: number, size: number): number;
  /** Does not return, but throws. */
  exit(code: number): never;
}

type WasiFunction = (...values: never[]) => number;

export function wasi(options: WasiOptions): Record<string, WasiFunction> {
  const view = (): DataView => new DataView(options.memory().buffer);
  const { argv, environment, memory } = options;
  return {
    args_sizes_get: (countAt: number, bytesAt: number) => storeSizes(memory(), argv, countAt, bytesAt),
    args_get: (pointersAt: number, textAt: number) => storeStrings(memory(), argv, pointersAt, textAt),
    environ_sizes_get: (countAt: number, bytesAt: number) => storeSizes(memory(), environment, countAt, bytesAt),
    environ_get: (pointersAt: number, textAt: number) => storeStrings(memory(), environment, pointersAt, textAt),
    clock_time_get(clock: number, _precision: bigint, at: number) {
      if (clock !== CLOCK_REALTIME && clock !== CLOCK_MONOTONIC) return IO_ERROR;
      view().setBigUint64(at, clock === CLOCK_REALTIME ? BigInt(Date.now()) * 1_000_000n : process.hrtime.bigint(), true);
      return SUCCESS;
    },
    fd_write(fd: number, vectorsAt: number, count: number, writtenAt: number) {
      if (fd !== 1 && fd !== 2) return BAD_DESCRIPTOR;
      let written = 0;
      for (let at = vectorsAt; count > 0; count--, at += 8) {
        const sent = options.print(fd, view().getUint32(at, true), view().getUint32(at + 4, true));
        if (sent < 0) return IO_ERROR;
        written += sent;
      }
      view().setUint32(writtenAt, written, true);
      return SUCCESS;
    },
    proc_exit: (code: number) => options.exit(code),
  };
}
