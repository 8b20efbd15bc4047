/** Observers, listed by the events that they implement: an event calls only the observers that have a method for it. */
import type { Observer } from './events.js';

type Report<Event extends keyof Observer> = Required<Observer>[Event];
type Reports = { readonly [Event in keyof Observer]-?: Report<Event>[] };

const events = [
  'deliver', 'delivered', 'call', 'collected', 'script', 'print', 'outside', 'started', 'executed', 'exited', 'trapped', 'clock', 'step',
] as const satisfies readonly (keyof Observer)[];

export class Observers implements Reports {
  readonly deliver: Report<'deliver'>[] = [];
  readonly delivered: Report<'delivered'>[] = [];
  readonly call: Report<'call'>[] = [];
  readonly collected: Report<'collected'>[] = [];
  readonly script: Report<'script'>[] = [];
  readonly print: Report<'print'>[] = [];
  readonly outside: Report<'outside'>[] = [];
  readonly started: Report<'started'>[] = [];
  readonly executed: Report<'executed'>[] = [];
  readonly exited: Report<'exited'>[] = [];
  readonly trapped: Report<'trapped'>[] = [];
  readonly clock: Report<'clock'>[] = [];
  readonly step: Report<'step'>[] = [];

  /** Each event calls observers in the order in which they were added. */
  add(...observers: readonly Observer[]): void {
    for (const observer of observers) {
      for (const event of events) {
        const report = observer[event];
        if (report) (this[event] as unknown[]).push(report.bind(observer));
      }
    }
  }

  clear(): void { for (const event of events) this[event].length = 0; }
}
