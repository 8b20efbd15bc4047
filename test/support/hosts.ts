/**
 * The hosts that a program's behaviours are tested on. A suite of them runs its cases on the native program, then on the
 * module in a Node process: on the same stdio, with the same signals. Whatever else takes part is native.
 */
import { suite } from 'uvu';
import type { Program } from '../../src/host/host.js';
import { packageRoot, programPath } from '../../src/paths.js';
import { type Tests, together } from './skip.js';

interface Host {
  name: string;
  argv(program: Program): string[];
  /** How many of its programs run side by side, or one after the other, in the time and memory of ten native ones. */
  tenNative: number;
}

/** How a program is called in a Node process of its own. */
export function argvOnNode(program: Program): string[] { return [process.execPath, `${packageRoot}build/js/test/support/on-node.js`, program]; }

const HOSTS: readonly Host[] = [
  { name: 'native', tenNative: 10, argv: (program) => [programPath(program)] },
  // A Node process takes 60 ms and 40 MiB, whatever it runs.
  { name: 'Node', tenNative: 1, argv: argvOnNode },
];

/** Whose turn it is: a file's suites run one after the other. */
let turn: { host: Host; program: Program } | undefined;

/** How a program is called: the one under test on the host whose turn it is, any other natively. */
export function argvOf(program: Program): string[] {
  return turn && turn.program === program ? turn.host.argv(program) : [programPath(program)];
}

/** The same as words of a shell's. */
export function wordsOf(program: Program): string { return argvOf(program).join(' '); }

/** Whether the program under test runs natively: of a Node process's memory most is V8's, which grows as it likes. */
export function isNative(): boolean { return turn === undefined || turn.host === HOSTS[0]; }

/** As many of the program under test as the host has room for where `native` of the native ones are none too many. */
export function crowd(native: number): number { return turn ? native * turn.host.tenNative / 10 : native; }

/** All of them, or where each costs a Node process: one in ten, and the last. */
export function sample<Value>(values: readonly Value[]): Value[] {
  const step = values.length / Math.max(crowd(values.length), 1);
  return values.filter((_, index) => index % step < 1 || index === values.length - 1);
}

type Handler = () => Promise<void> | void;
interface Hook { (hook: Handler): void; each(hook: Handler): void }

export interface Cases extends Tests {
  before: Hook;
  after: Hook;
  /** Once, when the cases have run on all hosts. */
  afterAll(hook: Handler): void;
  /** Cases that only the native program can have, and why. */
  nativeOnly(reason: string): Tests;
  run(): void;
}

/** A suite of this program's behaviours: one of uvu's for each host. */
export function suiteOnHosts(name: string, program: Program): Cases {
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
