/**
 * The modules, and instances of them. Making an instance and its WASI takes longer than a short process runs, so instances
 * are used again: their memory and globals are reset to their first values.
 */
import type { ModuleExports } from '../../boundary/module.js';
import type { BoundaryCall } from './calls/call.js';
import { GLOBAL, KEEP, RESTORE, withRestore } from '../wasm/globals.js';
import type { ProgramName } from '../../boundary/programs.js';
import { type Content, ModuleMemory } from './memory.js';
import { loadWasi, makeWasi, type Wasi, type WasiHost } from './wasi.js';

/** The process whose calls an instance makes at the moment. */
export interface InstanceUser extends WasiHost {
  call(to: BoundaryCall, site: number, numbers: readonly number[]): number;
  /** Runs a call of WASI, and applies faults to it. */
  wasi(name: string, site: number, run: () => number): number;
}

/** The boundary's calls by name. */
export type Calls = ReadonlyMap<string, BoundaryCall>;
type Imports = Record<string, (...values: never[]) => number>;

const POOLED_MAX = 256;

/** A program's module, and the memory and globals of a new instance. */
class Compiled {
  readonly imports: ReturnType<typeof WebAssembly.Module.imports>;
  contents: readonly Content[] | undefined;
  memoryBytes = 0;

  constructor(readonly program: ProgramName, readonly module: WebAssembly.Module) {
    this.imports = WebAssembly.Module.imports(module);
  }
}

export class Instance {
  caller: InstanceUser | undefined;
  readonly exports: Pick<ModuleExports, 'onStart' | 'onReady' | 'onSignal' | 'onDeadline' | 'onTrap' | 'onFork' | 'resize'>;
  readonly memory: ModuleMemory;
  private readonly wasi: Wasi;
  private readonly globals: readonly WebAssembly.Global[];
  private readonly restoreGlobals: () => void;

  constructor(readonly compiled: Compiled, calls: Calls) {
    const { module, program } = compiled;
    this.wasi = makeWasi(module, () => this.memory.memory, () => this.caller!);
    const instance = new WebAssembly.Instance(module, { shim: this.shimFor(calls), wasi_snapshot_preview1: this.wasiImports() });
    this.wasi.attach(instance);
    const { memory, onStart, onReady, onSignal, onDeadline, onTrap, onFork, resize } = instance.exports as unknown as ModuleExports;
    this.exports = { onStart, onReady, onSignal, onDeadline, onTrap, onFork, resize };
    this.globals = globalsOf(instance);
    this.memory = new ModuleMemory(memory, program);
    (instance.exports[KEEP] as () => void)();
    this.restoreGlobals = instance.exports[RESTORE] as () => void;
    compiled.contents ??= this.memory.contents();
    compiled.memoryBytes = this.memory.size;
  }

  /** Only the calls that the module imports: they are the list of what it may do. In an instrumented module the call site comes last. */
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

  /** Copies another instance's memory and globals. fork(2) */
  copyFrom({ memory, globals }: Instance): void {
    this.memory.copyFrom(memory);
    globals.forEach((global, index) => { this.globals[index]!.value = global.value; });
  }

  get hasGrown(): boolean { return this.memory.size !== this.compiled.memoryBytes; }

  renew(): void {
    this.caller = undefined;
    this.memory.renew(this.compiled.contents!);
    this.restoreGlobals();
  }

  free(): void { this.wasi.free(); }
}

function globalsOf(instance: WebAssembly.Instance): WebAssembly.Global[] {
  return Object.entries(instance.exports).filter(([name, value]) => name.startsWith(GLOBAL) && value instanceof WebAssembly.Global)
    .map(([, value]) => value as WebAssembly.Global);
}

export class Programs {
  /** Instances that no process uses, by key; the key used longest ago first. */
  private readonly idle = new Map<string, Instance[]>();
  private idleCount = 0;

  constructor(private readonly modules: ReadonlyMap<ProgramName, Compiled>) {}

  get names(): ProgramName[] { return [...this.modules.keys()]; }

  /** The programs with one replaced: by a hostile guest, or by a variant. */
  with(name: ProgramName, bytes: Uint8Array): Programs {
    return new Programs(new Map([...this.modules, [name, compile(name, bytes)]]));
  }

  acquire(name: ProgramName, calls: Calls, caller: InstanceUser): Instance {
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
 * The key of instances whose memory has grown, which never shrinks: such an instance can only replace a new one for a process that
 * grows it as far. The size depends on the options, and on the lengths of paths.
 */
function grownKey(name: ProgramName, { argv, environment }: InstanceUser): string {
  let key = `${name} ${argv.length}`;
  for (const text of argv) key += `\0${text.startsWith('/') ? text.length : text}`;
  for (const text of environment) key += `\0${text}`;
  return key;
}

function compile(name: ProgramName, bytes: Uint8Array): Compiled {
  return new Compiled(name, new WebAssembly.Module(withRestore(bytes)));
}

/** Compiles the modules from their bytes. */
export async function preparePrograms(bytes: Readonly<Partial<Record<ProgramName, Uint8Array>>>): Promise<Programs> {
  await loadWasi();
  const modules = Object.entries(bytes) as [ProgramName, Uint8Array][];
  return new Programs(new Map(modules.map(([name, module]) => [name, compile(name, module)])));
}
