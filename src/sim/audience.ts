/** Who is told of what: observers by the events that they want to know of, so that nobody is asked who has nothing to say. */
import type { Observer } from './plan.js';

type Tell<Event extends keyof Observer> = Required<Observer>[Event];
type Tells = { readonly [Event in keyof Observer]-?: Tell<Event>[] };

const events = [
  'deliver', 'delivered', 'call', 'collected', 'script', 'print', 'outside', 'started', 'executed', 'exited', 'trapped', 'clock', 'step',
] as const satisfies readonly (keyof Observer)[];

export class Audience implements Tells {
  readonly deliver: Tell<'deliver'>[] = [];
  readonly delivered: Tell<'delivered'>[] = [];
  readonly call: Tell<'call'>[] = [];
  readonly collected: Tell<'collected'>[] = [];
  readonly script: Tell<'script'>[] = [];
  readonly print: Tell<'print'>[] = [];
  readonly outside: Tell<'outside'>[] = [];
  readonly started: Tell<'started'>[] = [];
  readonly executed: Tell<'executed'>[] = [];
  readonly exited: Tell<'exited'>[] = [];
  readonly trapped: Tell<'trapped'>[] = [];
  readonly clock: Tell<'clock'>[] = [];
  readonly step: Tell<'step'>[] = [];

  /** In the order in which they come they are told. */
  add(...observers: readonly Observer[]): void {
    for (const observer of observers) {
      for (const event of events) {
        const tell = observer[event];
        if (tell) (this[event] as unknown[]).push(tell.bind(observer));
      }
    }
  }

  clear(): void { for (const event of events) this[event].length = 0; }
}
