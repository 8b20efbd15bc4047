import type { Course } from './recording.js';

/** A number over the events of a run, while it is recorded. */
export class Changes {
  private readonly at: number[] = [];
  private readonly values: number[] = [];

  get last(): number { return this.values.at(-1) ?? 0; }

  /** From this event on. */
  set(event: number, value: number): void {
    if (value === this.last) return;
    if (this.at.at(-1) === event) {
      this.values[this.values.length - 1] = value;
    } else {
      this.at.push(event);
      this.values.push(value);
    }
  }

  course(): Course { return { at: Int32Array.from(this.at), values: Float64Array.from(this.values) }; }
}
