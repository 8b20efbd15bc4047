/** A run as it can be looked at from any of its events: made by the recorder, in a worker, and read by the page. */
import type { Scenario } from '../../sim/scenario/scenario.js';
import type { Layout } from './layout.js';
import type { Moment } from './pictures.js';

export const enum Kind { CALL = 1, ENTRY, SCRIPT, PRINT, EXECUTE, END, TRAP, CLOCK, OUTSIDE }
/** Added to a kind: the simulation let something go wrong there. */
export const FAULT = 32;

/** Numbers that change, by the event from which on they hold. */
export interface Course { readonly at: Int32Array; readonly values: Float64Array }

/** Bytes between a process and a channel, one entry a movement, in the order of the events. */
export interface Flows {
  readonly event: Int32Array;
  readonly pid: Int32Array;
  /** Place in `Recording.channels`. */
  readonly channel: Int32Array;
  /** Above 0 out of the process, below 0 into it. */
  readonly bytes: Int32Array;
  /** Descriptors that travel with the bytes. */
  readonly descriptors: Uint8Array;
  /** The last moment, up to the event's, whose picture has a line for the channel; -1 when none has. */
  readonly moment: Int32Array;
}

/** A stream of a job: how much its iomux-spawn has read, and how much of that each link has got. */
export interface Ring {
  readonly pid: number;
  readonly stream: 'stdout' | 'stderr';
  readonly size: number;
  readonly head: Course;
  /** Positions, by channel. */
  readonly links: readonly { readonly channel: number; readonly position: Course }[];
}

export interface RecordedProcess { readonly pid: number; readonly name: string }

export interface Recording {
  readonly scenario: Scenario;
  readonly steps: number;
  /** The first check that does not hold; undefined when all do. */
  readonly violation: { readonly check: string; readonly words: string } | undefined;
  /** Only the run's first events are recorded. */
  readonly isCut: boolean;
  /** One an event, as `warden sim --trace` prints them; what the world outside does stands between them. */
  readonly lines: readonly string[];
  readonly kinds: Uint8Array;
  /** Whose event it is; 0 for the clock. */
  readonly pids: Int32Array;
  readonly timesMs: Float64Array;
  readonly processes: readonly RecordedProcess[];
  readonly channels: readonly string[];
  readonly flows: Flows;
  /** Unread bytes, by channel. */
  readonly fills: readonly Course[];
  readonly rings: readonly Ring[];
  readonly moments: readonly Moment[];
  /** The first event of each moment. */
  readonly momentAt: Int32Array;
  readonly layout: Layout;
}

/** Whether a line's channel is the one that bytes move in. What is left of a connection is named after its one end. */
export function isChannel(ofLine: string, moved: string): boolean { return ofLine === moved || ofLine.split('-').includes(moved); }

/** The last place whose number is at most `event`; -1 when there is none. */
export function lastAtMost(sorted: Int32Array, event: number): number {
  let low = 0, high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle]! <= event) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** Where the entries of an event begin in a sorted list. */
export function firstOf(sorted: Int32Array, event: number): number { return lastAtMost(sorted, event - 1) + 1; }

export function valueAt({ at, values }: Course, event: number): number { return values[lastAtMost(at, event)] ?? 0; }

export function momentAt({ moments, momentAt: starts }: Recording, event: number): Moment {
  return moments[Math.max(0, lastAtMost(starts, event))] ?? { boxes: [], lines: [] };
}
