/**
 * V8 does what was recorded: it is entered as the recorded module was, its calls are held against the recorded ones and get
 * their answers. Whatever it does otherwise is a divergence.
 */
import type { ModuleExports } from '../../../src/boundary/module.js';
import { GLOBAL_PREFIX } from '../../support/globals.js';
import { Event, type Recording, type Told } from './record.js';

/** How often memory that has grown in a run is looked at whole, which makes the kernel provide it: one of so many runs. */
const RUNS_A_WHOLE_LOOK = 50;
/** wasm_rt_trap_t by what V8 says of the same trap. */
const TRAPS: ReadonlyMap<string, readonly number[]> = new Map([
  ['memory access out of bounds', [1]],
  ['divide result unrepresentable', [2]],
  ['divide by zero', [3]],
  ['remainder by zero', [3]],
  ['float unrepresentable in integer range', [2, 4]],
  ['unreachable', [5]],
  ['Maximum call stack size exceeded', [9]],
]);

const EVENT_WORDS = ['enter', 'return', 'call', 'answer', 'end of the program', 'trap', 'look', 'give', 'page', 'end'] as const;

export class Divergence extends Error {}

/** Thrown through the module's frames where the recorded program ended. */
const LEFT = Symbol('left');

export interface ReplayOptions {
  /** Whether what is left in memory and globals is held against the recording. */
  compareState: boolean;
  /** Imports besides those that are recorded. */
  more?: Record<string, (...given: number[]) => void>;
}

/** One module in V8, run again and again. */
export class Replay {
  private exports: ModuleExports | undefined;
  private readonly names: readonly string[];
  private readonly globals: readonly string[];
  /** Where runs start; empty before that. */
  private start: { memory: Uint8Array; globals: unknown[] } = { memory: new Uint8Array(), globals: [] };
  /** What memory is to hold at a run's end: what it held at the start, and the pages that the recorded run wrote to. */
  private wanted = new Uint8Array();
  private readonly beginning: number;
  private inPreparation = true;
  private runs = 0;
  /** Traps that V8 and the recorded module had alike. */
  traps = 0;

  /** The recording begins with what brings a module to where runs start. */
  constructor(private readonly module: WebAssembly.Module, private readonly recording: Recording, private readonly options: ReplayOptions) {
    const exports = WebAssembly.Module.exports(module);
    this.names = exports.map(({ name }) => name);
    this.globals = exports.filter(({ name }) => name.startsWith(GLOBAL_PREFIX)).map(({ name }) => name);
    this.beginning = recording.place;
    this.prepare();
  }

  /** Does the next recorded run; a `Divergence` when V8 does otherwise. */
  run(): void {
    this.runs++;
    this.rewind();
    this.runToEnd(this.options.compareState);
  }

  private prepare(): void {
    const { recording } = this, back = recording.place;
    recording.place = this.beginning;
    this.exports = new WebAssembly.Instance(this.module, this.imports()).exports as ModuleExports;
    // What was the same once is the same again: only the first time is compared.
    this.runToEnd(this.inPreparation && this.options.compareState);
    this.start = { memory: this.memory().slice(), globals: this.globals.map((name) => this.global(name).value) };
    if (this.options.compareState) this.wanted.set(this.start.memory);
    if (!this.inPreparation) recording.place = back;
    this.inPreparation = false;
  }

  private rewind(): void {
    // Memory never shrinks: where it has grown, only another instance is as it was.
    if (this.memory().length !== this.start.memory.length) return this.prepare();
    this.memory().set(this.start.memory);
    this.globals.forEach((name, index) => { this.global(name).value = this.start.globals[index]; });
  }

  private memory(): Uint8Array<ArrayBuffer> { return new Uint8Array(this.exports!.memory.buffer); }
  private global(name: string): WebAssembly.Global { return this.exports![name] as WebAssembly.Global; }

  private imports(): WebAssembly.Imports {
    const imports: WebAssembly.Imports = {};
    for (const { module, name } of WebAssembly.Module.imports(this.module)) {
      const number = this.recording.calls.indexOf(`${module}.${name}`);
      (imports[module] ??= {})[name] = this.options.more?.[name] ?? ((...given: (number | bigint)[]) => this.called(number, given));
    }
    return imports;
  }

  private runToEnd(compares: boolean): void {
    const pages: Told[] = [];
    for (;;) {
      const told = this.recording.next();
      if (told.event === Event.END) return compares ? this.compareEnd(told, pages) : undefined;
      if (told.event === Event.ENTER) this.enter(told);
      else if (told.event === Event.PAGE) pages.push(told);
      else this.touch(told);
    }
  }

  /** One entry, until it returns, traps or ends the program. */
  private enter(told: Told): void {
    const [number = 0, ...list] = this.recording.list(told), name = this.names[number & 0xffff]!, given = numbers(number >>> 16, list);
    let outcome;
    try {
      const result = (this.exports![name] as (...given: (number | bigint)[]) => number | bigint | undefined)(...given);
      outcome = `returns ${words(result === undefined ? [] : [result]).join(', ')}`;
    } catch (thrown) {
      if (thrown === LEFT) return;
      if (thrown instanceof Divergence) throw thrown;
      outcome = `traps: ${(TRAPS.get((thrown as Error).message) ?? [thrown]).join(' or ')}`;
    }
    const then = this.recording.next(), wanted = this.recording.list(then);
    const agrees = then.event === Event.RETURNED ? outcome === `returns ${wanted.join(', ')}`
      : then.event === Event.TRAP && outcome.startsWith('traps: ') && outcome.slice(7).split(' or ').includes(String(wanted[0]));
    if (then.event === Event.TRAP) this.traps++;
    if (!agrees) throw new Divergence(`${name}(${given.join(', ')}) ${outcome}; recorded: ${this.inWords(then)}`);
  }

  /** One call of the module's. */
  private called(number: number, arguments_: readonly (number | bigint)[]): number {
    const { recording } = this, given = words(arguments_), told = recording.next();
    const agrees = told.event === Event.CALL && told.count === given.length + 1 && recording.word(told.first) === number
      && given.every((word, index) => word === recording.word(told.first + 1 + index));
    if (!agrees) throw new Divergence(`${recording.calls[number]}(${given.join(', ')}); recorded: ${this.inWords(told)}`);
    for (;;) {
      const then = recording.next();
      if (then.event === Event.ANSWER) return recording.word(then.first);
      if (then.event === Event.LEFT) throw LEFT;
      this.touch(then);
    }
  }

  /** The world reads memory, which must hold what it held there, or writes to it. */
  private touch(told: Told): void {
    const { recording } = this, memory = this.memory();
    const at = recording.word(told.first), size = recording.word(told.first + 1);
    if (told.event === Event.GIVE) memory.set(recording.bytesOf(told), at);
    else if (told.event !== Event.LOOK) throw new Divergence(`comes back although recorded was ${this.inWords(told)}`);
    else if (hash(memory.subarray(at, at + size)) !== recording.word(told.first + 2)) {
      throw new Divergence(`the ${size} bytes at ${at} that it gives a call are others`);
    }
  }

  private compareEnd(told: Told, pages: readonly Told[]): void {
    const { recording } = this, memory = this.memory(), size = recording.word(told.first);
    if (memory.length !== size) throw new Divergence(`memory has ${memory.length} bytes; recorded: ${size}`);
    const other = this.firstOther(memory, pages);
    if (other !== undefined) throw new Divergence(`memory is left otherwise at ${other}`);
    this.globals.forEach((name, index) => {
      const value = words([this.global(name).value as number | bigint]), at = told.first + 1 + 2 * index;
      const agrees = value[0] === recording.word(at) && (value[1] ?? 0) === recording.word(at + 1);
      if (!agrees) throw new Divergence(`${name} is left as ${value.join(', ')}`);
    });
  }

  /** The first place where memory holds other bytes than are wanted. */
  private firstOther(memory: Uint8Array, pages: readonly Told[]): number | undefined {
    const { recording, start } = this;
    if (this.wanted.length < memory.length) {
      this.wanted = new Uint8Array(memory.length);
      this.wanted.set(start.memory);
    }
    for (const page of pages) this.wanted.set(recording.bytesOf(page), recording.word(page.first));
    const looked = this.runs % RUNS_A_WHOLE_LOOK === 0 ? memory.length : start.memory.length;
    const written = pages.map(({ first }): [number, number] => [recording.word(first), recording.word(first) + recording.word(first + 1)]);
    const agrees = (from: number, until: number): boolean => (
      Buffer.compare(memory.subarray(from, until), this.wanted.subarray(from, until)) === 0
    );
    const other = [[0, looked] as const, ...written].find(([from, until]) => !agrees(from, until));
    const at = other && memory.findIndex((byte, index) => index >= other[0] && byte !== this.wanted[index]);
    for (const [from, until] of written) {
      this.wanted.fill(0, from, until);
      if (from < start.memory.length) this.wanted.set(start.memory.subarray(from, until), from);
    }
    return at;
  }

  private inWords(told: Told): string {
    const list = this.recording.list(told);
    if (told.event === Event.CALL) return `${this.recording.calls[list[0]!]}(${list.slice(1).join(', ')})`;
    return `${EVENT_WORDS[told.event]} ${list.slice(0, 8).join(', ')}`;
  }
}

/** Numbers as words: an i64 is two. */
function words(values: readonly (number | bigint)[]): number[] {
  return values.flatMap((value) => (
    typeof value === 'number' ? [value >>> 0] : [Number(BigInt.asUintN(32, value)), Number(BigInt.asUintN(32, value >> 32n))]
  ));
}

/** The reverse; a bit of `wide` says of an argument that it is an i64. */
function numbers(wide: number, given: readonly number[]): (number | bigint)[] {
  const all: (number | bigint)[] = [];
  for (let at = 0; at < given.length;) {
    const isWide = (wide >> all.length & 1) !== 0;
    all.push(isWide ? BigInt(given[at]!) | BigInt(given[at + 1]!) << 32n : given[at]!);
    at += isWide ? 2 : 1;
  }
  return all;
}

/** FNV-1a */
function hash(bytes: Uint8Array): number {
  let value = 0x811c9dc5;
  for (const byte of bytes) value = Math.imul(value ^ byte, 0x01000193);
  return value >>> 0;
}
