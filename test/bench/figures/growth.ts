/** From 1 to 500 jobs in one container: what each costs, and how that grows with their number. */
import { cpuNs } from '../../support/iomux.js';
import type { Bench, ProgramSet } from '../bench.js';
import type { Figure, Unit } from '../figure.js';
import { pssKib, withJobs } from './footprint.js';
import { chainLatencies } from './latency.js';
import { exponent, median, sum } from '../statistics.js';

const JOBS = [1, 10, 100, 500], QUICK_JOBS = [1, 5];

/** With so many jobs, idle but for one. */
export interface Point {
  readonly jobs: number;
  /** Of all their iomux-spawn, wsh and iomux-link, and of the container's wshd. */
  readonly pssKib: number;
  /** Of the same, since their start. */
  readonly cpuMs: number;
  readonly startMs: number;
  /** Of one byte through one more job while these are there, median. */
  readonly latencyUs: number;
}

const known = new WeakMap<ProgramSet, Promise<Point[]>>();

/** Measured once a set; all of these figures, and the plot, are made of it. */
export function growthOf(bench: Bench, set: ProgramSet): Promise<Point[]> {
  let points = known.get(set);
  if (!points) known.set(set, points = measureAll(bench, set));
  return points;
}

async function measureAll(bench: Bench, set: ProgramSet): Promise<Point[]> {
  const points: Point[] = [];
  for (const jobs of bench.quick ? QUICK_JOBS : JOBS) points.push(await measureOne(bench, set, jobs));
  return points;
}

function measureOne(bench: Bench, set: ProgramSet, count: number): Promise<Point> {
  return withJobs(bench, set, count, 0, async ({ jobs, wshd, container, startMs }) => {
    const programs = [...jobs.flat(), wshd];
    return {
      jobs: count, pssKib: sum(programs.map(pssKib)), cpuMs: sum(programs.map(cpuNs)) / 1e6, startMs,
      latencyUs: median(await chainLatencies(bench, set, container)),
    };
  });
}

interface Quantity {
  readonly name: string;
  readonly title: string;
  readonly goal?: number;
  readonly unit: Unit;
  readonly of: (point: Point) => number;
  /** Whether the details divide it by the number of jobs. */
  readonly isTotal: boolean;
}

/** A little more than the exponent that is wanted: a fit over four points is not exact. */
const LINEAR = 1.05;

export const QUANTITIES: readonly Quantity[] = [
  {
    name: 'growth-memory', title: 'growth of memory (PSS) with jobs', goal: LINEAR,
    unit: { name: 'KiB', digits: 0 }, of: (point) => point.pssKib, isTotal: true,
  },
  {
    name: 'growth-cpu', title: 'growth of CPU time with jobs', goal: LINEAR,
    unit: { name: 'ms', digits: 2 }, of: ({ cpuMs }) => cpuMs, isTotal: true,
  },
  {
    name: 'growth-start', title: 'growth of start time with jobs', goal: LINEAR,
    unit: { name: 'ms', digits: 1 }, of: ({ startMs }) => startMs, isTotal: true,
  },
  {
    name: 'growth-latency', title: 'growth of a byte\'s latency with idle jobs',
    unit: { name: 'us', digits: 0 }, of: ({ latencyUs }) => latencyUs, isTotal: false,
  },
];

export function fit(points: readonly Point[], { of }: Quantity): number {
  return exponent(points.map((point) => ({ x: point.jobs, y: of(point) })));
}

function figureOf(quantity: Quantity): Figure {
  const { name, title, goal, unit, of, isTotal } = quantity;
  return {
    name,
    title: `${title}, exponent`,
    unit: { name: '', digits: 2 },
    ...(goal === undefined ? {} : { goal }),
    rounds: 1,
    quickRounds: 1,
    sample: async (bench, set) => [fit(await growthOf(bench, set), quantity)],
    details: async (bench, set) => {
      const parts = (await growthOf(bench, set)).map((point) => {
        const value = isTotal ? of(point) / point.jobs : of(point);
        return `${point.jobs}: ${value.toFixed(unit.digits)} ${unit.name}`;
      });
      return [`${isTotal ? 'a job' : 'in all'}, of so many: ${parts.join(', ')}`];
    },
  };
}

export const growth: readonly Figure[] = QUANTITIES.map(figureOf);
