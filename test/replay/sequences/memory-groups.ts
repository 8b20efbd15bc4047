/** Memory groups of cgroup v1: control files, eventfds that are told of their events, removal. test/replay/linux/sequences/cgroup.c */
import { existsSync } from 'node:fs';
import { Counter, MemoryCgroup } from '../../../src/sim/kernel/cgroup.js';
import { Directory } from '../../../src/sim/kernel/files.js';
import type { FileDescription } from '../../../src/sim/kernel/open-file.js';
import { OPEN_APPEND, OPEN_READ } from '../../../src/boundary/constants.js';
import { chosen, hash, type Kind, often, type Operation, type Played, type Step, type Subject } from './sequence.js';
import { buffer, Slots } from './slots.js';

const GROUPS_MAX = 4, TEXT_BYTES = 256;
/** The wait status of a process that was killed. */
const KILLED = 9;

class MemoryGroups extends Slots implements Subject {
  private readonly top = new Directory();
  /** By their numbers; undefined for one that was removed, whose number is not used again. */
  private readonly groups = new Map<number, MemoryCgroup | undefined>();
  private readonly operations: readonly Operation[] = [
    ...often(2, (a) => this.make(a)), ...often(3, (a) => this.control(a)), ...often(3, (a) => this.events(a)),
    ...often(3, () => this.made((slot) => `counter ${slot}`, () => new Counter())), ...often(8, (a, b, c) => this.notify(a, b, c)),
    ...often(3, (a) => this.runOut(a)), (a) => this.remove(a), ...often(3, (a) => this.text(a)), ...often(3, (a, b) => this.read(a, b)),
    ...often(2, (a) => this.poll(a)), (a) => this.close(a), (a) => this.duplicate(a),
  ];

  play([operation, a, b, c]: Step): Played | undefined { return chosen(this.operations, operation)!(a, b, c); }

  private make(a: number): Played | undefined {
    const number = a % GROUPS_MAX;
    if (this.groups.has(number)) return undefined;
    this.groups.set(number, new MemoryCgroup(1, this.top, String(number)));
    return { line: `mgroup ${number}`, result: '0' };
  }

  /** A group that is there. */
  private with(a: number, run: (group: MemoryCgroup, number: number) => Played | undefined): Played | undefined {
    const one = chosen([...this.groups].filter(([, group]) => group), a);
    return one && run(one[1]!, one[0]);
  }

  private openControl(a: number, name: string, file: string, how: number): Played | undefined {
    return this.with(a, (group, number) => (
      this.made((slot) => `${name} ${slot} ${number}`, () => group.directory.entries.get(file)!.open(how))));
  }

  private control(a: number): Played | undefined { return this.openControl(a, 'mcontrol', 'memory.oom_control', OPEN_READ); }
  private events(a: number): Played | undefined { return this.openControl(a, 'mevents', 'cgroup.event_control', OPEN_APPEND); }

  private notify(a: number, b: number, c: number): Played | undefined {
    // Mostly the right kinds: others are refused, each for a reason of its own.
    const pick = (number: number, fits: (description: FileDescription) => boolean): number | undefined => {
      const fitting = [...this.open].filter(([, description]) => fits(description)).map(([slot]) => slot);
      return number % 8 === 0 ? this.slotOf(number >> 3) : chosen(fitting, number >> 3);
    };
    const events = pick(a, (one) => one.canWrite && !one.canRead), counter = pick(b, (one) => one instanceof Counter);
    const control = pick(c, (one) => one.canRead && !one.canWrite);
    if (events === undefined || counter === undefined || control === undefined) return undefined;
    type Three = [FileDescription, FileDescription, FileDescription];
    const [told, by, of] = [counter, control, events].map((slot) => this.open.get(slot)!) as Three;
    // An eventfd takes what is written to it for a number.
    if (of instanceof Counter) return undefined;
    return { line: `mnotify ${events} ${counter} ${control}`, result: String(MemoryCgroup.notify(told, by, of)) };
  }

  private runOut(a: number): Played | undefined {
    return this.with(a, (group, number) => {
      group.outOfMemory(1);
      return { line: `moom ${number}`, result: String(KILLED) };
    });
  }

  private remove(a: number): Played | undefined {
    return this.with(a, (group, number) => {
      this.groups.set(number, undefined);
      group.remove();
      const counts = [...this.open].flatMap(([slot, one]) => (one instanceof Counter ? [slot, one.value] : []));
      return { line: ['mremove', number, ...counts].join(' '), result: '0' };
    });
  }

  /** From the beginning: the simulation reads what a new description would. */
  private text(a: number): Played | undefined {
    return this.with(a, (group, number) => {
      const control = group.directory.entries.get('memory.oom_control')!.open(OPEN_READ) as FileDescription;
      const got = control.read(buffer.subarray(0, TEXT_BYTES));
      return { line: `mtext ${number}`, result: `${got} ${hash(buffer.subarray(0, got))}` };
    });
  }

  private duplicate(a: number): Played | undefined {
    return this.on(a, (description, from) => this.made((slot) => `duplicate ${slot} ${from}`, () => description));
  }
}

export const memoryGroups: Kind = {
  name: 'memory-groups', stepsMax: 40, fresh: 200, patience: [], begin: () => new MemoryGroups(),
  lacks: existsSync('/sys/fs/cgroup/memory/cgroup.procs') ? undefined : 'no memory controller of cgroup v1',
};
