/** A pty: keys, output, modes, sizes, hangups, signals of keys. test/replay/linux/sequences/terminal.c */
import type { FileDescription } from '../../../src/sim/kernel/open-file.js';
import { Pty, PtyMaster, PtySlave, terminalOf } from '../../../src/sim/kernel/tty/pty.js';
import { SignalSet } from '../../../src/sim/kernel/signals.js';
import { chosen, hash, type Kind, often, type Operation, type Played, type Step, type Subject } from './sequence.js';

const MASTER = 0, SLAVES_MAX = 3, BUFFER_BYTES = 65_536;
const buffer = new Uint8Array(BUFFER_BYTES);
/** Text, and all keys that edit lines, send signals, or stop output. */
const KEYS = [
  0x61, 0x62, 0x63, 0x20, 0x5f, 0x37, 0x0a, 0x0d, 0x03, 0x04, 0x08, 0x7f, 0x15, 0x16, 0x17, 0x12, 0x1a, 0x1c, 0x11, 0x13, 0x01, 0x1b,
  0x80, 0xff, 0x00,
];
const KEYS_MAX = 12;
/** To erase or show more at once overruns the kernel's buffer of echo, which repeats old bytes then. */
const ERASED_MAX = 1200, ERASING = [0x12, 0x15, 0x17];
const LETTER = 0x78;
/** What the master's buffer holds. With more on the way to it, Linux and the simulation resume at different moments. */
const OUTPUT_MAX = 4_000, SHOWN_A_BYTE = 2;

class Terminals implements Subject {
  private readonly pty = new Pty();
  private readonly open = new Map<number, FileDescription>();
  private came = new SignalSet();
  private begun = false;
  /** Bytes at most that came on the way to the master since it was read empty. */
  private shown = 0;
  private readonly operations: readonly Operation[];

  constructor() {
    this.operations = [
      ...often(4, (a, b, c) => this.type(a, b, c)), ...often(4, (a, b) => this.take(a, b)), ...often(2, (a, b, c) => this.fill(a, b, c)),
      ...often(2, (a) => this.poll(a)), ...often(2, (a) => this.available(a)), (a) => this.raw(a), (a) => this.cooked(a),
      (a) => this.size(a), (a, b) => this.resize(a, b), ...often(2, () => this.signals()), () => this.openSlave(), (a) => this.close(a),
    ];
  }

  play([operation, a, b, c]: Step): Played | undefined {
    const played = this.begun ? chosen(this.operations, operation)!(a, b, c) : this.begin();
    if (!played) return undefined;
    // The kernel's workers move bytes after the call: the player waits until they have moved as many as here.
    const slave = [...this.open.keys()].find((slot) => slot !== MASTER) ?? -1, master = this.open.has(MASTER) ? MASTER : -1;
    const [out, into] = [master, slave].map((slot) => this.open.get(slot)?.pending() ?? -1);
    return { line: `${played.line}\nawait ${master} ${slave} ${out} ${into}`, result: `${played.result}\n${out} ${into}` };
  }

  private begin(): Played {
    this.begun = true;
    this.open.set(MASTER, new PtyMaster(this.pty).hold());
    this.open.set(1, new PtySlave(this.pty).hold());
    this.pty.foreground = { signal: (signal) => this.came.addPending(signal) };
    return { line: `terminal ${MASTER} 1`, result: '0' };
  }

  /** Whether what is written, as far as it is shown, would fill the way to the master. */
  private overfills(count: number): boolean {
    this.shown += count * SHOWN_A_BYTE;
    if (this.shown <= OUTPUT_MAX) return false;
    this.shown -= count * SHOWN_A_BYTE;
    return true;
  }

  /** The master twice as often as a slave. */
  private on(a: number, run: (description: FileDescription, slot: number) => Played | undefined): Played | undefined {
    const slot = this.open.has(MASTER) && a % 2 === 0 ? MASTER : chosen([...this.open.keys()], a >> 1);
    return slot === undefined ? undefined : run(this.open.get(slot)!, slot);
  }

  private type(a: number, b: number, c: number): Played | undefined {
    const count = 1 + c % KEYS_MAX, isLong = this.pty.input.lineLength > ERASED_MAX;
    const keys = Array.from({ length: count }, (_, index) => this.key(b, index)).filter((key) => !isLong || !ERASING.includes(key));
    if (keys.length === 0 || this.overfills(keys.length)) return undefined;
    return this.on(a, (description, slot) => (
      { line: `type ${slot} ${keys.join(' ')}`, result: String(description.write(Uint8Array.from(keys))) }));
  }

  private key(b: number, index: number): number { return KEYS[(Math.imul(b + index * 31 + 1, 0x9e3779b1) >>> 12) % KEYS.length]!; }

  private fill(a: number, b: number, c: number): Played | undefined {
    const size = [100, 255, 256, 257, 1000, 1792, 2048, 1500, 3][b % 9]!, byte = c % 3 === 0 ? -LETTER : LETTER;
    if (this.overfills(size)) return undefined;
    const bytes = Uint8Array.from({ length: size }, (_, at) => (byte < 0 && at % 50 === 49 ? 0x0a : LETTER));
    return this.on(a, (description, slot) => ({ line: `fill ${slot} ${size} ${byte}`, result: String(description.write(bytes)) }));
  }

  private take(a: number, b: number): Played | undefined {
    const size = [1, 2, 3, 5, 64, 63, 65, 1000, 4095, 4096, 65_536, 65_536][b % 12]!;
    return this.on(a, (description, slot) => {
      const got = description.read(buffer.subarray(0, size));
      // Less than was asked for: nothing is left, and nothing waits where output is not stopped.
      if (slot === MASTER && got > 0 && got < size && this.pty.room > 0) this.shown = 0;
      return { line: `take ${slot} ${size}`, result: `${got} ${got > 0 ? hash(buffer.subarray(0, got)) : 0}` };
    });
  }

  private poll(a: number): Played | undefined {
    return this.on(a, (description, slot) => ({ line: `poll ${slot}`, result: String(description.poll()) }));
  }

  private available(a: number): Played | undefined {
    return this.on(a, (description, slot) => ({ line: `available ${slot}`, result: String(description.pending()) }));
  }

  private change(a: number, name: string, act: (pty: Pty) => number, rest = ''): Played | undefined {
    return this.on(a, (description, slot) => {
      const pty = terminalOf(description);
      return { line: `${name} ${slot}${rest}`, result: String(typeof pty === 'number' ? pty : act(pty)) };
    });
  }

  private raw(a: number): Played | undefined {
    return this.change(a, 'raw', (pty) => {
      pty.set({ cooked: false });
      return 0;
    });
  }

  private cooked(a: number): Played | undefined {
    return this.change(a, 'cooked', (pty) => {
      pty.set({ cooked: true });
      return 0;
    });
  }

  private size(a: number): Played | undefined { return this.change(a, 'size', ({ size }) => size.rows * 1000 + size.columns); }
  private resize(a: number, b: number): Played | undefined {
    const rows = b % 3 * 10, columns = (b >> 2) % 3 * 20;
    return this.change(a, 'setsize', (pty) => {
      pty.resize({ rows, columns });
      return 0;
    }, ` ${rows} ${columns}`);
  }

  private signals(): Played {
    const bits = [...this.came].reduce((sum, signal) => sum | 1 << signal, 0);
    this.came = new SignalSet();
    return { line: 'signals', result: String(bits) };
  }

  private openSlave(): Played | undefined {
    const slot = [1, 2, 3].slice(0, SLAVES_MAX).find((one) => !this.open.has(one));
    if (slot === undefined || !this.open.has(MASTER)) return undefined;
    this.open.set(slot, new PtySlave(this.pty).hold());
    return { line: `slave ${slot}`, result: '0' };
  }

  private close(a: number): Played | undefined {
    // Not too soon: one in four.
    if (a % 4 !== 0) return undefined;
    return this.on(a >> 2, (description, slot) => {
      this.open.delete(slot);
      description.drop();
      return { line: `hangup ${slot}`, result: '0' };
    });
  }
}

export const terminals: Kind = {
  name: 'terminals', stepsMax: 40, fresh: 400, patience: ['patience 2', 'patience 10', 'patience 30'], begin: () => new Terminals(),
};
