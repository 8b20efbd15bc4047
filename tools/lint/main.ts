/**
 * `npm run lint`: runs the linters in parallel, and prints the output of those with findings. Exit code 0 when none has findings.
 *
 *   node build/js/tools/lint/main.js [eslint|page|knip|shellcheck|clang-format …]
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../src/base/paths.js';

interface Linter {
  name: string;
  argv: readonly string[];
  /** The Debian package of a program that npm does not install. */
  debian?: string;
}

/** Files of these folders with a matching path; paths are relative to the package. */
function filesIn(folders: readonly string[], pattern: RegExp): string[] {
  return folders.flatMap((folder) => readdirSync(packageRoot + folder, { recursive: true, encoding: 'utf8' })
    .map((file) => `${folder}/${file}`)
    .filter((file) => pattern.test(file))).sort();
}

function local(name: string): string { return `${packageRoot}node_modules/.bin/${name}`; }

const folders = ['shim', 'test', 'tools', 'findings'].filter((folder) => existsSync(packageRoot + folder));
const linters: readonly Linter[] = [
  // eslint checks only changed files again; `npm run clean` removes its cache in build/.
  { name: 'eslint', argv: [local('eslint'), '--quiet', '--cache', '--cache-strategy', 'content', '--cache-location', 'build/eslint/', 'src', 'test', 'tools'] },
  // The page has a browser's types, the rest has Node's.
  { name: 'page', argv: [local('tsc'), '--project', 'src/playground/page'] },
  { name: 'knip', argv: [local('knip'), '--no-progress'] },
  { name: 'clang-format', debian: 'clang-format', argv: ['clang-format', '--dry-run', '-Werror', ...filesIn(['shim', 'test'], /\.(c|cc|h)$/)] },
  { name: 'shellcheck', debian: 'shellcheck', argv: ['shellcheck', '.ci/run', ...filesIn(folders, /\.sh$/)] },
];

function isInstalled(program: string): boolean {
  return program.includes('/') || (process.env.PATH ?? '').split(':').some((folder) => existsSync(join(folder, program)));
}

/** True when the linter has no findings. */
async function lint({ name, argv, debian }: Linter): Promise<boolean> {
  const [file = '', ...args] = argv;
  if (!isInstalled(file)) {
    console.log(`${name}: skipped, not installed (apt-get install ${debian})`);
    return true;
  }
  const child = spawn(file, args, { cwd: packageRoot, stdio: ['ignore', 'pipe', 'pipe'] });
  const pieces: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (piece: Buffer) => pieces.push(piece));
  const [code] = await once(child, 'close') as [number | null];
  console.log(code === 0 ? `${name}: nothing found` : `${name}: exit code ${code}\n${Buffer.concat(pieces).toString()}`);
  return code === 0;
}

const names = process.argv.slice(2);
const chosen = linters.filter(({ name }) => names.length === 0 || names.includes(name));
const results = await Promise.all(chosen.map(lint));
process.exitCode = results.every((clean) => clean) ? 0 : 1;
