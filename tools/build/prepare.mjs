/**
 * npm's `prepare` and `pretest`: builds what this machine can build. Where the native half cannot be built, one sentence names what is
 * missing, and the rest is built. `npx warden` runs `prepare` before its first start in a checkout and hides the output, so a checkout
 * that is built, read-only, or another user's is left as it is.
 * The script is JavaScript, because it runs before anything is compiled.
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));
const COMMAND = 'build/js/src/cli/warden.bundle', PROGRAM = 'build/bin/wshd';
/** The programs that the native half is built with, and their Debian packages. */
const TOOLS = { 'make': 'make', 'cc': 'gcc', 'g++': 'g++' };
/** Processors of the native half, in the names of `process.arch`. */
const PROCESSORS = ['x64', 'arm64'];
const PORTABLE = 'containers do not work here, while `warden sim`, `warden wire` and their tests do';

/**
 * What `prepare` does on a machine: runs this script of package.json, and prints this sentence.
 *
 * @param {{
 *   root: string, platform: string, arch: string, missing: readonly string[], command: string | undefined,
 *   isBuilt: boolean, hasPrograms: boolean, isWritable: boolean, hasCompilers: boolean,
 * }} machine `missing`: of TOOLS; `command`: what npm was asked for, as `ci`, `exec` or `test`; `hasCompilers`: npm's packages
 * @returns {{ script?: 'build' | 'build:portable', sentence?: string }}
 */
export function plan({ root: directory, platform, arch, missing, command, isBuilt, hasPrograms, isWritable, hasCompilers }) {
  if (isBuilt && (command === 'exec' || !isWritable || !hasCompilers)) return {};
  if (!isWritable) return { sentence: `${directory} is not built, and this user cannot write there: its owner has to run \`npm ci\`` };
  if (!hasCompilers) return { sentence: `${directory} is not built, and has no compilers: run \`npm ci\` there, without --omit=dev` };
  if (platform !== 'linux' || !PROCESSORS.includes(arch)) {
    return { script: 'build:portable', sentence: `the native programs are for Linux on x86-64 and arm64, and this is ${platform} on ${arch}: ${PORTABLE}` };
  }
  if (missing.length === 0) return { script: 'build' };
  const remedy = `missing ${missing.join(', ')} (apt-get install ${missing.map((tool) => TOOLS[tool]).join(' ')})`;
  const what = hasPrograms ? `the native programs stay as they are, ${remedy}` : `the native programs are not built, ${remedy}: ${PORTABLE}`;
  return { script: 'build:portable', sentence: what };
}

function isAllowed(path, mode) {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}

function isInstalled(program) {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => isAllowed(join(folder, program), constants.X_OK));
}

function isWritable(path) { return !existsSync(path) || isAllowed(path, constants.W_OK); }

function thisMachine() {
  return {
    root, platform: process.platform, arch: process.arch, command: process.env.npm_command,
    missing: Object.keys(TOOLS).filter((tool) => !isInstalled(tool)),
    isBuilt: existsSync(join(root, COMMAND)), hasPrograms: existsSync(join(root, PROGRAM)),
    isWritable: isWritable(root) && isWritable(join(root, 'build')) && isWritable(join(root, COMMAND)),
    hasCompilers: existsSync(join(root, 'node_modules/typescript')),
  };
}

function main() {
  const { script, sentence } = plan(thisMachine());
  if (sentence !== undefined) console.error(`warden-wasm: ${sentence}`);
  if (script === undefined) return;
  const { status } = spawnSync('npm', ['run', '--silent', script], { cwd: root, stdio: 'inherit', shell: process.platform === 'win32' });
  process.exitCode = status ?? 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main();
