/** The built modules, for simulations in Node. Everything else of src/sim runs anywhere. */
import { readFileSync } from 'node:fs';
import { wasmPath } from '../paths.js';
import { preparePrograms, type Programs } from './programs.js';

let loaded: Promise<Programs> | undefined;

/** Reads and compiles the modules, once a process. */
export function loadPrograms(): Promise<Programs> {
  const bytes = (name: Parameters<typeof wasmPath>[0]): Uint8Array => readFileSync(wasmPath(name));
  loaded ??= preparePrograms({
    wshd: bytes('wshd'), wsh: bytes('wsh'), 'iomux-spawn': bytes('iomux-spawn'), 'iomux-link': bytes('iomux-link'), oom: bytes('oom'),
  });
  return loaded;
}
