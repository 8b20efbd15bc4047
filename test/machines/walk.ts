/** What a newcomer does, on this machine: a clone with a compiler, a clone without, and the packed packages; with each Node, as each user. */
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { packageRoot } from '../../src/base/paths.js';
import { nodeDirectory } from './node.js';
import { installPackages } from './package.js';
import { allHold, attempt, expect, type Outcome } from './trial.js';

export interface Walk {
  readonly name: string;
  readonly walk: (place: string, nodes: string) => Promise<void>;
}

interface Who {
  readonly name: string;
  /** The command that becomes this user, and executes the rest. */
  readonly become: readonly string[];
  /** What `warden run` says where no container can be made. */
  readonly refusal?: RegExp;
}

const NODES = [20, 22, 24, 26], USER = 12_345, DEADLINE_MS = 1_800_000;
const WHO: readonly Who[] = [
  { name: 'root', become: [] },
  {
    name: 'root without CAP_SYS_ADMIN', become: ['setpriv', '--bounding-set=-sys_admin', '--inh-caps=-sys_admin'],
    refusal: /wshd: cannot make a mount namespace: operation not permitted; wshd has to run as root \(CAP_SYS_ADMIN\)/,
  },
  { name: 'an ordinary user', become: ['setpriv', `--reuid=${USER}`, `--regid=${USER}`, '--clear-groups', '--inh-caps=-all'] },
];
const GREETING = ['run', '--', 'sh', '-c', 'echo hello from $(hostname)'];
const COMPILERS = /^((\w+-)*(gcc|g\+\+|cc|c\+\+|clang|clang\+\+|make)(-[\d.]+)?)$/;

/** Runs a command as the user, in a home of its own, with these directories in front of PATH or, with `paths`, in its place. */
class Shoes {
  constructor(private readonly who: Who, private readonly home: string, private readonly path: string) {}

  run(directory: string, program: string, ...args: string[]): Outcome {
    const [first, ...rest] = [...this.who.become, program, ...args];
    const { status, signal, stdout, stderr, error } = spawnSync(first!, rest, {
      cwd: directory, encoding: 'utf8', timeout: DEADLINE_MS, maxBuffer: 1 << 28,
      env: { PATH: this.path, HOME: this.home, XDG_RUNTIME_DIR: this.home, npm_config_cache: `${this.home}/npm` },
    });
    return { status, stdout, stderr: `${stderr}${error?.message ?? ''}${signal ?? ''}` };
  }
}

function wear(who: Who, place: string, path: string): Shoes {
  const home = `${place}/home-${who.name.replaceAll(' ', '-')}`;
  mkdirSync(home, { recursive: true, mode: 0o700 });
  if (who.name === 'an ordinary user') chownSync(home, USER, USER);
  return new Shoes(who, home, path);
}

/** "hello", or the sentence that the user gets. */
function greeted({ status, stdout, stderr }: Outcome, { refusal }: Who): string {
  if (refusal === undefined) {
    expect(status === 0 && /^hello from \S+\n$/.test(stdout), `${status} ${stdout}${stderr}`);
    return `hello${stderr === '' ? '' : `; ${stderr.trim()}`}`;
  }
  expect(status === 1 && stdout === '' && refusal.test(stderr) && !/\n +at /.test(stderr), `${status} ${stdout}${stderr}`);
  return `refused: ${refusal.exec(stderr)![0]}`;
}

function counted({ status, stdout, stderr }: Outcome): string {
  const last = stdout.trim().split('\n').at(-1) ?? '';
  if (status !== 0) console.log(stdout, stderr);
  expect(status === 0 && /^\d+ passed, 0 failed, \d+ skipped$/.test(last), `exit code ${status}: ${last}`);
  return last;
}

async function greetings(place: string, directory: string, nodes: string, command: string): Promise<void> {
  for (const who of WHO) {
    for (const major of NODES) {
      const path = `${nodeDirectory('amd64', major, nodes)}:${process.env['PATH']}`;
      await attempt(`Node ${major}, ${who.name}`, () => greeted(wear(who, place, path).run(directory, command, ...GREETING), who));
    }
  }
}

function clone(place: string): string {
  execFileSync('git', ['clone', '--quiet', packageRoot, `${place}/clone`]);
  return `${place}/clone`;
}

async function ofPackages(place: string, nodes: string): Promise<void> {
  installPackages({ processor: 'amd64' }, `${place}/project`);
  await greetings(place, `${place}/project`, nodes, `${place}/project/node_modules/.bin/warden`);
}

/** PATH without a compiler: links to all other programs. */
function withoutCompilers(place: string): string {
  const directory = `${place}/programs`;
  mkdirSync(directory);
  const found = new Map((process.env['PATH'] ?? '').split(':').reverse().flatMap((folder) => list(folder).map((name) => [name, `${folder}/${name}`])));
  for (const [name, path] of found) if (!COMPILERS.test(name)) symlinkSync(path, `${directory}/${name}`);
  return directory;
}

function list(folder: string): string[] { try { return readdirSync(folder); } catch { return []; } }

async function ofClone(place: string, nodes: string): Promise<void> {
  const directory = clone(place), path = process.env['PATH']!, root = WHO[0]!;
  await attempt('npm ci', () => {
    const { status, stderr } = wear(root, place, path).run(directory, 'npm', 'ci', '--no-audit', '--no-fund');
    expect(status === 0, stderr);
    return 'built';
  });
  await attempt('npx warden run', () => greeted(wear(root, place, path).run(directory, 'npx', 'warden', ...GREETING), root));
  await greetings(place, directory, nodes, `${directory}/build/js/src/cli/warden.cjs`);
  for (const who of WHO) {
    for (const major of NODES) {
      const shoes = wear(who, place, `${nodeDirectory('amd64', major, nodes)}:${path}`);
      await attempt(`quick tests, Node ${major}, ${who.name}`, () => counted(shoes.run(directory, 'node', 'build/js/tools/test/run.js', '--quick')));
    }
  }
}

async function ofBareClone(place: string, nodes: string): Promise<void> {
  const directory = clone(place), [root] = WHO, path = withoutCompilers(place), missing = /^warden-wasm: .*\n/m;
  await attempt('npm ci', () => {
    const { status, stdout, stderr } = wear(root!, place, path).run(directory, 'npm', 'ci', '--no-audit', '--no-fund', '--foreground-scripts');
    const sentence = missing.exec(`${stdout}${stderr}`)?.[0].trim();
    expect(status === 0 && sentence !== undefined, `${status} ${stdout}${stderr}`);
    return sentence!;
  });
  for (const major of NODES) {
    const shoes = wear(root!, place, `${nodeDirectory('amd64', major, nodes)}:${path}`);
    await attempt(`npx warden run, Node ${major}`, () => {
      const { status, stdout, stderr } = shoes.run(directory, 'node', 'build/js/src/cli/warden.cjs', ...GREETING);
      expect(status === 1 && stdout === '' && stderr.trim().split('\n').length === 1, `${status} ${stdout}${stderr}`);
      return `refused: ${stderr.trim()}`;
    });
    await attempt(`portable tests, Node ${major}`, () => counted(shoes.run(directory, 'node', 'build/js/tools/test/run.js')));
  }
}

export const WALKS: readonly Walk[] = [
  { name: 'walk-packages', walk: ofPackages }, { name: 'walk-clone', walk: ofClone }, { name: 'walk-bare', walk: ofBareClone },
];

/** Prints a line for each trial; returns whether all hold. */
export async function takeWalk({ walk }: Walk, directory: string): Promise<boolean> {
  const place = mkdtempSync(`${tmpdir()}/warden-walk-`);
  chmodSync(place, 0o755);
  try {
    await walk(place, directory);
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
  return allHold();
}
