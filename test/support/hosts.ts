/**
 * The hosts on which a program's behaviours are tested. A suite runs its cases on the native program, then on the module in a Node
 * process: with the same stdio and signals. All other programs of a case are native.
 */
import { suite } from 'uvu';
import type { ProgramName } from '../../src/boundary/programs.js';
import { packageRoot, programPath } from '../../src/base/paths.js';
import { type Tests, together } from './skip.js';

interface Host {
  name: string;
  argv(program: ProgramName): string[];
  /** The number of its programs that run side by side, or in succession, in the time and memory of ten native ones. */
  tenNative: number;
}

/** The command line of a program in a Node process of its own. */
function argvOnNode(program: ProgramName): string[] { return [process.execPath, `${packageRoot}build/js/test/support/on-node.js`, program]; }

const HOSTS: readonly Host[] = [
  { name: 'native', tenNative: 10, argv: (program) => [programPath(program)] },
  // A Node process takes 60 ms and 40 MiB, whatever it runs.
  { name: 'Node', tenNative: 1, argv: argvOnNode },
];

/** The program and host under test: a file's suites run one after the other. */
let turn: { host: Host; program: ProgramName } | undefined;

/** The command line of a program: the one under test on the host under test, any other natively. */
export function argvOf(program: ProgramName): string[] {
  return turn && turn.program === program ? turn.host.argv(program) : [programPath(program)];
}

/** The same as words for a shell. */
export function wordsOf(program: ProgramName): string { return argvOf(program).join(' '); }

/** Whether the program under test runs natively: most of a Node process's memory belongs to V8, which grows at will. */
export function isNative(): boolean { return turn === undefined || turn.host === HOSTS[0]; }

/** The number of programs for which the host has room, where `native` is the number for native ones. */
export function crowd(native: number): number { return turn ? native * turn.host.tenNative / 10 : native; }

/** All values; on a host where each costs a Node process, one in ten, and the last. */
export function sample<Value>(values: readonly Value[]): Value[] {
  const step = values.length / Math.max(crowd(values.length), 1);
  return values.filter((_, index) => index % step < 1 || index === values.length - 1);
}

type Handler = () => Promise<void> | void;
interface Hook { (hook: Handler): void; each(hook: Handler): void }

export interface Cases extends Tests {
  before: Hook;
  after: Hook;
  /** Runs once, after the cases of all hosts. */
  afterAll(hook: Handler): void;
  /** Cases that only the native program can have, and the reason. */
  nativeOnly(reason: string): Tests;
  run(): void;
}

/** A suite of this program's behaviours: one of uvu's for each host. */
export function suiteOnHosts(name: string, program: ProgramName): Cases {
  const suites = HOSTS.map((host) => {
    const one = suite(`${name}, ${host.name}`);
    one.before(() => { turn = { host, program }; });
    return one;
  });
  const hook = (when: 'before' | 'after'): Hook => Object.assign(
    (handler: Handler) => { for (const one of suites) one[when](handler); },
    { each: (handler: Handler) => { for (const one of suites) one[when].each(handler); } },
  );
  return Object.assign(together(suites), {
    before: hook('before'),
    after: hook('after'),
    afterAll: (handler: Handler) => suites.at(-1)!.after(handler),
    nativeOnly: (reason: string) => {
      const native = together(suites.slice(0, 1));
      const said = (called: string, handler: Handler): void => {
        console.log(`  native only: ${called} (${reason})`);
        native(called, handler);
      };
      return Object.assign(said, native);
    },
    run: () => { for (const one of suites) one.run(); },
  });
}
