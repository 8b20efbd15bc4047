/** Worlds that tests of the simulated kernel begin with. */
import { type Container, type WorldOptions, Trace, type TraceOptions, World } from '../../src/sim/world/index.js';
import { loadPrograms } from '../../src/sim/world/node.js';

const programs = await loadPrograms();

/** Nothing varies but the order that the seed decides. */
const PLAIN = { shorten: 0, interrupt: 0 };

/** A world for one test; it is ended when the test is. */
export async function withWorld(use: (world: World) => void, options: Partial<WorldOptions> = {}): Promise<void> {
  const world = new World({ programs, seed: 1, habits: PLAIN, stepsMax: 50_000, ...options });
  try {
    use(world);
  } finally {
    world.end();
  }
}

/** A container that serves. */
export function serving(world: World, ...args: Parameters<World['container']> | []): Container {
  const [path = '/c', options] = args, container = world.container(path, options);
  const wshd = container.start();
  if (!world.run(() => wshd.ended) || wshd.exitCode !== 0) throw new Error(`wshd did not start: ${wshd.stderr!.text}`);
  return container;
}

/** What the processes of a title do from now on. */
export function traceOf(world: World, title: string, options: TraceOptions = {}): Trace {
  const trace = new Trace({ of: (process) => process.title === title, ...options });
  world.observe(trace);
  return trace;
}
