/**
 * The modules, and instances of them. Making an instance and its WASI takes longer than all that a short process does,
 * so instances are used again: their memory and globals are set back to what they were when they were new.
 */
import type { ModuleExports } from '../host/module.js';
import type { BoundaryCall } from './calls/index.js';
import { KEEP, RESTORE, withRestore } from './globals.js';
import type { ProgramName } from './files.js';
import { type Content, ModuleMemory } from './memory.js';
import { loadWasi, makeWasi, type Wasi, type WasiHost } from './wasi.js';

/** Whose calls an instance makes at the moment. */
export interface Caller extends WasiHost {
  call(to: BoundaryCall, site: number, numbers: readonly number[]): number;
  /** A call of WASI's: what may go wrong at it, around what it does. */
  wasi(name: string, site: number, run: () => number): number;
}

/** The boundary's calls by their names. */
export type Calls = ReadonlyMap<string, BoundaryCall>;
type Imports = Record<string, (...values: never[]) => number>;

const POOLED_MAX = 256;

/** A program's module, and what its instances are like when they are new. */
class Compiled {
  readonly imports: ReturnType<typeof WebAssembly.Module.imports>;
  contents: readonly Content[] | undefined;
  memoryBytes = 0;

  constructor(readonly program: ProgramName, readonly module: WebAssembly.Module) {
    this.imports = WebAssembly.Module.imports(module);
  }
}

export class Instance {
  caller: Caller | undefined;
  readonly exports: Pick<ModuleExports, 'onStart' | 'onReady' | 'onSignal' | 'onDeadline' | 'onTrap' | 'resize'>;
  readonly memory: ModuleMemory;
  private readonly wasi: Wasi;
  private readonly restoreGlobals: () => void;

  constructor(readonly compiled: Compiled, calls: Calls) {
    const { module, program } = compiled;
    this.wasi = makeWasi(module, () => this.memory.memory, () => this.caller!);
    const instance = new WebAssembly.Instance(module, { shim: this.shimFor(calls), wasi_snapshot_preview1: this.wasiImports() });
    this.wasi.attach(instance);
    const { memory, onStart, onReady, onSignal, onDeadline, onTrap, resize } = instance.exports as unknown as ModuleExports;
    this.exports = { onStart, onReady, onSignal, onDeadline, onTrap, resize };
    this.memory = new ModuleMemory(memory, program);
    (instance.exports[KEEP] as () => void)();
    this.restoreGlobals = instance.exports[RESTORE] as () => void;
    compiled.contents ??= this.memory.contents();
    compiled.memoryBytes = this.memory.size;
  }

  /** Only what the module imports: that is the list of what it may do. Behind a call's numbers a marked one gives its site: sites.ts. */
  private shimFor(calls: Calls): Imports {
    const shim: Imports = {};
    for (const { module: from, name } of this.compiled.imports) {
      if (from !== 'shim') continue;
      const to = calls.get(name);
      if (!to) throw new Error(`the simulated kernel has no call ${name}`);
      shim[name] = (...numbers: number[]) => {
        const site = numbers.length > to.count ? numbers.pop()! : 0;
        return this.caller!.call(to, site, numbers);
      };
    }
    return shim;
  }

  private wasiImports(): Imports {
    const wasi: Imports = {};
    for (const { module: from, name } of this.compiled.imports) {
      const run = from === 'wasi_snapshot_preview1' ? this.wasi.imports[name] : undefined;
      if (run) wasi[name] = (...values) => this.caller!.wasi(name, values[run.length] ?? 0, () => Number(run(...values)));
    }
    return wasi;
  }

  get hasGrown(): boolean { return this.memory.size !== this.compiled.memoryBytes; }

  renew(): void {
    this.caller = undefined;
    this.memory.renew(this.compiled.contents!);
    this.restoreGlobals();
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

function compile(name: ProgramName, bytes: Uint8Array): Compiled {
  return new Compiled(name, new WebAssembly.Module(withRestore(bytes)));
}

/** Compiles the modules; where their bytes come from is the caller's business. */
export async function preparePrograms(bytes: Readonly<Record<ProgramName, Uint8Array>>): Promise<Programs> {
  await loadWasi();
  const modules = Object.entries(bytes) as [ProgramName, Uint8Array][];
  return new Programs(new Map(modules.map(([name, module]) => [name, compile(name, module)])));
}
