/** The time line: which event is shown, of which process, and how it goes on by itself. No drawing. */
import { FAULT, Kind, type Recording } from '../record/recording.js';

/** Events a second. */
export const SPEEDS = [1, 2, 5, 10, 25, 50, 100, 250, 1000] as const;
const SPEED_AT_FIRST = 4;
/** Above this, what travels is not followed on its way. */
const FOLLOWED_SPEED_MAX = 30;
/** A page that was hidden goes on where it was. */
const FRAME_MS_MAX = 100;

export class Player {
  /** The events that are stepped through: all, or those of one process. */
  events: Int32Array;
  /** Place in `events`. */
  cursor = 0;
  playing = false;
  speed = SPEED_AT_FIRST;
  private fraction = 1;
  private lastMs: number | undefined;

  constructor(readonly recording: Recording, public of: number | undefined) {
    this.events = this.chosen();
  }

  private chosen(): Int32Array {
    const { pids } = this.recording, { of } = this;
    const all = Int32Array.from({ length: pids.length }, (_, event) => event);
    return of === undefined ? all : all.filter((event) => pids[event] === of);
  }

  /** The event that is shown. */
  get at(): number { return this.events[this.cursor] ?? 0; }
  get last(): number { return Math.max(0, this.events.length - 1); }

  /** How far what the event moves has come, from 0 to 1; it stands half-way where nothing plays. */
  get progress(): number { return this.playing && SPEEDS[this.speed]! <= FOLLOWED_SPEED_MAX ? this.fraction : 0.5; }

  goTo(cursor: number): void {
    this.cursor = Math.max(0, Math.min(this.last, cursor));
    this.fraction = 1;
  }

  step(by: number): void {
    this.playing = false;
    this.goTo(this.cursor + by);
  }

  /** The chosen process's event that is nearest to this one. */
  goToEvent(event: number): void {
    const at = this.events.findIndex((each) => each >= event);
    this.goTo(at < 0 ? this.last : at);
  }

  choose(of: number | undefined): void {
    const event = this.at;
    this.of = of;
    this.events = this.chosen();
    this.goToEvent(event);
  }

  /** To the next event of a sort in a direction; false when there is none. */
  seek(direction: 1 | -1, isIt: (kind: number) => boolean): boolean {
    for (let cursor = this.cursor + direction; cursor >= 0 && cursor <= this.last; cursor += direction) {
      if (!isIt(this.recording.kinds[this.events[cursor]!]!)) continue;
      this.playing = false;
      this.goTo(cursor);
      return true;
    }
    return false;
  }

  toggle(): void {
    if (!this.playing && this.cursor === this.last) this.cursor = 0;
    this.playing = !this.playing;
    this.lastMs = undefined;
  }

  /** Time goes on, while it plays. */
  tick(nowMs: number): void {
    if (!this.playing) return;
    const passed = Math.min(FRAME_MS_MAX, nowMs - (this.lastMs ?? nowMs));
    this.lastMs = nowMs;
    this.fraction += passed / 1000 * SPEEDS[this.speed]!;
    const whole = Math.floor(this.fraction);
    this.fraction -= whole;
    if (this.cursor + whole >= this.last) {
      this.playing = false;
      this.goTo(this.last);
    } else {
      this.cursor += whole;
    }
  }
}

export function isFault(kind: number): boolean { return (kind & FAULT) !== 0 || kind === Kind.TRAP as number; }
export function isEnd(kind: number): boolean { return kind === Kind.END as number; }
