/**
 * The modules, and instances of them. Making an instance and its WASI takes longer than all that a short process does,
 * so instances are used again: their memory and globals are set back to what they were when they were new.
 */
import type { ModuleExports } from '../host/module.js';
import type { BoundaryCall } from './calls/index.js';
import { exportGlobals, GLOBAL_PREFIX } from './globals.js';
import type { ProgramName } from './files.js';
import { type Content, ModuleMemory } from './memory.js';
import { SITE } from './sites.js';
import { loadWasi, makeWasi, type Wasi, type WasiHost } from './wasi.js';

/** Whose calls an instance makes at the moment. */
export interface Caller extends WasiHost {
  call(to: BoundaryCall, a: number, b: number, c: number, d: number, e: number): number;
  /** A call of WASI's: what may go wrong at it, around what it does. */
  wasi(name: string, run: () => number): number;
}

/** The boundary's calls by their names. */
export type Calls = ReadonlyMap<string, BoundaryCall>;
type Imports = Record<string, (...values: never[]) => number>;

const POOLED_MAX = 256;

/** A program's module, and what its instances are like when they are new. */
class Compiled {
  readonly imports: ReturnType<typeof WebAssembly.Module.imports>;
  readonly globals: readonly string[];
  contents: readonly Content[] | undefined;
  memoryBytes = 0;

  constructor(readonly program: ProgramName, readonly module: WebAssembly.Module) {
    this.imports = WebAssembly.Module.imports(module);
    this.globals = WebAssembly.Module.exports(module).map(({ name }) => name).filter((name) => name.startsWith(GLOBAL_PREFIX));
  }
}

export class Instance {
  caller: Caller | undefined;
  readonly exports: Pick<ModuleExports, 'onStart' | 'onReady' | 'onSignal' | 'onDeadline' | 'onTrap' | 'resize'>;
  readonly memory: ModuleMemory;
  private readonly wasi: Wasi;
  private readonly globals: readonly (readonly [global: WebAssembly.Global, initial: unknown])[];
  private readonly site: WebAssembly.Global | undefined;

  constructor(readonly compiled: Compiled, calls: Calls) {
    const { module, program } = compiled;
    this.wasi = makeWasi(module, () => this.memory.memory, () => this.caller!);
    const instance = new WebAssembly.Instance(module, { shim: this.shimFor(calls), wasi_snapshot_preview1: this.wasiImports() });
    this.wasi.attach(instance);
    const { memory, onStart, onReady, onSignal, onDeadline, onTrap, resize } = instance.exports as unknown as ModuleExports;
    this.exports = { onStart, onReady, onSignal, onDeadline, onTrap, resize };
    this.memory = new ModuleMemory(memory, program);
    this.globals = compiled.globals.map((name) => {
      const global = instance.exports[name] as WebAssembly.Global;
      return [global, global.value] as const;
    });
    this.site = instance.exports[SITE] as WebAssembly.Global | undefined;
    compiled.contents ??= this.memory.contents();
    compiled.memoryBytes = this.memory.size;
  }

  /** Only what the module imports: that is the list of what it may do. */
  private shimFor(calls: Calls): Imports {
    const shim: Imports = {};
    for (const { module: from, name } of this.compiled.imports) {
      if (from !== 'shim') continue;
      const to = calls.get(name);
      if (!to) throw new Error(`the simulated kernel has no call ${name}`);
      shim[name] = (a: number, b: number, c: number, d: number, e: number) => this.caller!.call(to, a, b, c, d, e);
    }
    return shim;
  }

  private wasiImports(): Imports {
    const wasi: Imports = {};
    for (const { module: from, name } of this.compiled.imports) {
      const run = from === 'wasi_snapshot_preview1' ? this.wasi.imports[name] : undefined;
      if (run) wasi[name] = (...values) => this.caller!.wasi(name, () => Number(run(...values)));
    }
    return wasi;
  }

  /** Which call site calls, in a module that sites.ts has marked; 0 in others. */
  get siteId(): number { return this.site ? this.site.value as number : 0; }

  get hasGrown(): boolean { return this.memory.size !== this.compiled.memoryBytes; }

  renew(): void {
    this.caller = undefined;
    this.memory.renew(this.compiled.contents!);
    for (const [global, initial] of this.globals) global.value = initial;
  }

  free(): void { this.wasi.free(); }
}

export class Programs {
  /** Instances nobody uses; those of the key used longest ago first. */
  private readonly idle = new Map<string, Instance[]>();
  private idleCount = 0;

  constructor(private readonly modules: ReadonlyMap<ProgramName, Compiled>) {}

  get names(): ProgramName[] { return [...this.modules.keys()]; }

  /** What a hostile guest or a variant of a program is put in place of the program with. */
  with(name: ProgramName, bytes: Uint8Array): Programs {
    return new Programs(new Map([...this.modules, [name, compile(name, bytes)]]));
  }

  acquire(name: ProgramName, calls: Calls, caller: Caller): Instance {
    const instance = this.idleOf(grownKey(name, caller)) ?? this.idleOf(name) ?? this.make(name, calls);
    instance.caller = caller;
    return instance;
  }

  private make(name: ProgramName, calls: Calls): Instance {
    const compiled = this.modules.get(name);
    if (!compiled) throw new Error(`there is no module of ${name}`);
    return new Instance(compiled, calls);
  }

  private idleOf(key: string): Instance | undefined {
    const instance = this.idle.get(key)?.pop();
    if (instance) this.idleCount--;
    return instance;
  }

  release(instance: Instance): void {
    if (!instance.memory.isReusable) return instance.free();
    const name = instance.compiled.program, key = instance.hasGrown ? grownKey(name, instance.caller!) : name;
    instance.renew();
    const list = this.idle.get(key) ?? [];
    this.idle.delete(key);
    this.idle.set(key, list);
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

/**
 * Memory that has grown does not shrink: such an instance is as good as new only for who lets it grow as far. Options decide
 * about that; of a path only its length does.
 */
function grownKey(name: ProgramName, { argv, environment }: Caller): string {
  let key = `${name} ${argv.length}`;
  for (const text of argv) key += `\0${text.startsWith('/') ? text.length : text}`;
  for (const text of environment) key += `\0${text}`;
  return key;
}

/** The module with its globals exported. */
function compile(name: ProgramName, bytes: Uint8Array): Compiled {
  return new Compiled(name, new WebAssembly.Module(exportGlobals(bytes)));
}

/** Compiles the modules; where their bytes come from is the caller's business. */
export async function preparePrograms(bytes: Readonly<Record<ProgramName, Uint8Array>>): Promise<Programs> {
  await loadWasi();
  const modules = Object.entries(bytes) as [ProgramName, Uint8Array][];
  return new Programs(new Map(modules.map(([name, module]) => [name, compile(name, module)])));
}
