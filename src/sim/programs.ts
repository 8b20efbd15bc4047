/**
 * The modules, and instances of them. Making an instance and its WASI takes longer than all that a short process does,
 * so instances are used again: their memory and globals are set back to what they were when they were new.
 */
import type { ModuleExports } from '../host/module.js';
import { exportGlobals, GLOBAL_PREFIX } from './globals.js';
import type { ProgramName } from './files.js';
import { SITE } from './sites.js';
import { loadWasi, makeWasi, type Wasi, type WasiHost } from './wasi.js';

/** Whose calls an instance makes at the moment. */
export interface Caller extends WasiHost {
  call(index: number, a: number, b: number, c: number, d: number, e: number): number;
  /** A call of WASI's: what may go wrong at it, around what it does. */
  wasi(name: string, run: () => number): number;
}

const POOLED_MAX = 256;
const PAGE_BYTES = 1 << 16;
/**
 * Of a large memory only so much is cleaned as a whole; further up only pages that the host wrote to. Right for wshd, whose
 * tables that it writes to itself lie below its clients' buffers; test/simulation/programs.test.ts compares. Others'
 * large memories (a large ring) are not used again.
 */
const CLEANED_BYTES = 1 << 19;

export class Instance {
  caller: Caller | undefined;
  readonly exports: ModuleExports;
  private readonly wasi: Wasi;
  private readonly globals: readonly (readonly [global: WebAssembly.Global, initial: unknown])[];
  /** Memory as it was at first, up to its last byte that is not 0. */
  private readonly initial: Uint8Array;
  private readonly site: WebAssembly.Global | undefined;
  private readonly touched = new Set<number>();

  constructor(readonly key: string, readonly program: ProgramName, module: WebAssembly.Module, calls: readonly string[],
    argv: readonly string[], environment: readonly string[]) {
    this.wasi = makeWasi(module, argv, environment, {
      memory: () => this.exports.memory,
      nowMs: () => this.caller!.nowMs(),
      print: (fd, bytes) => this.caller!.print(fd, bytes),
      exit: (code) => this.caller!.exit(code),
    });
    const imports = { shim: this.shimFor(module, calls), wasi_snapshot_preview1: this.wasiFor(module) };
    const instance = new WebAssembly.Instance(module, imports);
    this.exports = instance.exports as unknown as ModuleExports;
    this.wasi.attach(instance);
    this.globals = Object.entries(instance.exports).filter(([name]) => name.startsWith(GLOBAL_PREFIX))
      .map(([, global]) => [global as WebAssembly.Global, (global as WebAssembly.Global).value] as const);
    this.site = instance.exports[SITE] as WebAssembly.Global | undefined;
    const bytes = new Uint8Array(this.exports.memory.buffer);
    let end = bytes.length;
    while (end > 0 && bytes[end - 1] === 0) end--;
    this.initial = bytes.slice(0, end);
  }

  /** Only what the module imports: that is the list of what it may do. */
  private shimFor(module: WebAssembly.Module, calls: readonly string[]): Record<string, (...numbers: number[]) => number> {
    const shim: Record<string, (a: number, b: number, c: number, d: number, e: number) => number> = {};
    for (const { module: from, name } of WebAssembly.Module.imports(module)) {
      if (from !== 'shim') continue;
      const index = calls.indexOf(name);
      if (index < 0) throw new Error(`the simulated kernel has no call ${name}`);
      shim[name] = (a, b, c, d, e) => this.caller!.call(index, a, b, c, d, e);
    }
    return shim;
  }

  private wasiFor(module: WebAssembly.Module): Record<string, (...values: never[]) => number> {
    const wasi: Record<string, (...values: never[]) => number> = {};
    for (const { module: from, name } of WebAssembly.Module.imports(module)) {
      const run = from === 'wasi_snapshot_preview1' ? this.wasi.imports[name] : undefined;
      if (run) wasi[name] = (...values) => this.caller!.wasi(name, () => Number(run(...values)));
    }
    return wasi;
  }

  /** Which call site calls, in a module that sites.ts has marked; 0 in others. */
  get siteId(): number { return Number(this.site?.value ?? 0); }

  /** The host is about to write to [at, at + size). */
  touch(at: number, size: number): void {
    for (let page = Math.floor(at / PAGE_BYTES); page * PAGE_BYTES < at + size; page++) this.touched.add(page);
  }

  get isReusable(): boolean { return this.program === 'wshd' || this.exports.memory.buffer.byteLength <= CLEANED_BYTES; }

  renew(): void {
    this.caller = undefined;
    const bytes = new Uint8Array(this.exports.memory.buffer);
    bytes.set(this.initial);
    bytes.fill(0, this.initial.length, CLEANED_BYTES);
    for (const page of this.touched) if ((page + 1) * PAGE_BYTES > CLEANED_BYTES) bytes.fill(0, page * PAGE_BYTES, (page + 1) * PAGE_BYTES);
    this.touched.clear();
    for (const [global, initial] of this.globals) global.value = initial;
  }

  free(): void { this.wasi.free(); }
}

export class Programs {
  /** Instances nobody uses; those of the key used longest ago first. */
  private readonly idle = new Map<string, Instance[]>();
  private idleCount = 0;

  constructor(private readonly modules: ReadonlyMap<ProgramName, WebAssembly.Module>) {}

  get names(): ProgramName[] { return [...this.modules.keys()]; }

  /** The module with its globals exported; what a hostile guest or a variant of a program is put in place of. */
  with(name: ProgramName, bytes: Uint8Array): Programs {
    return new Programs(new Map([...this.modules, [name, compile(bytes)]]));
  }

  acquire(name: ProgramName, calls: readonly string[], argv: readonly string[], environment: readonly string[]): Instance {
    const key = [name, argv.length, ...argv, ...environment].join('\0');
    const idle = this.idle.get(key)?.pop();
    if (idle) {
      this.idleCount--;
      return idle;
    }
    const module = this.modules.get(name);
    if (!module) throw new Error(`there is no module of ${name}`);
    return new Instance(key, name, module, calls, argv, environment);
  }

  release(instance: Instance): void {
    if (!instance.isReusable) return instance.free();
    instance.renew();
    const list = this.idle.get(instance.key) ?? [];
    this.idle.delete(instance.key);
    this.idle.set(instance.key, list);
    list.push(instance);
    if (++this.idleCount > POOLED_MAX) this.dropOldest();
  }

  private dropOldest(): void {
    for (const [key, list] of this.idle) {
      const instance = list.pop();
      if (list.length === 0) this.idle.delete(key);
      if (!instance) continue;
      instance.free();
      this.idleCount--;
      return;
    }
  }
}

function compile(bytes: Uint8Array): WebAssembly.Module { return new WebAssembly.Module(exportGlobals(bytes)); }

/** Compiles the modules; where their bytes come from is the caller's business. */
export async function preparePrograms(bytes: Readonly<Record<ProgramName, Uint8Array>>): Promise<Programs> {
  await loadWasi();
  return new Programs(new Map(Object.entries(bytes).map(([name, module]) => [name as ProgramName, compile(module)])));
}
