/**
 * The build's last step: bundles the command and everything that it needs into one file, which warden.cts runs. The file has two parts:
 * what every start runs, and what commands load by import(). V8's compiled code is stored in the same file as its source: V8 compares
 * only the source's length, so code must never be combined with another source.
 */
import { chmodSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Script } from 'node:vm';
import { build, type Plugin, transform } from 'esbuild';
import bundle from '../../src/cli/warden.cjs';

/** Large packages that one command each needs. They are dependencies, so they are installed. */
const EXTERNAL = ['@dagrejs/dagre', '@wasmer/wasi'];

/** Modules of Node that load others, and that few commands use: each is loaded when it is first used. */
const LAZY = /^node:(child_process|crypto|fs\/promises|net|os|readline|stream|timers\/promises|tty|worker_threads)$/;

const lazyModules: Plugin = {
  name: 'lazy-modules',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: LAZY }, ({ path }) => ({ path, namespace: 'lazy' }));
    onLoad({ filter: LAZY, namespace: 'lazy' }, async ({ path }) => {
      const names = Object.keys(await import(path) as object).filter((name) => name !== 'default');
      return { contents: `module.exports = { ${names.map((name) => `get ${name}() { return require('${path.slice('node:'.length)}').${name}; }`).join(', ')} };` };
    });
  },
};

/** The code that commands share and the code of each command, as ES modules that import each other. */
async function chunks(): Promise<Map<string, string>> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('../../src/cli/main.js', import.meta.url))],
    bundle: true,
    splitting: true,
    write: false,
    outdir: '.',
    platform: 'node',
    target: 'node20',
    format: 'esm',
    define: { 'import.meta.url': 'url' },
    external: EXTERNAL,
    plugins: [lazyModules],
    legalComments: 'none',
    logLevel: 'warning',
  });
  return new Map(outputFiles.map(({ path, text }) => [`./${basename(path)}`, text]));
}

/** The chunks as functions that run when they are required. */
async function functions(): Promise<Map<string, string>> {
  const made = Array.from(await chunks(), async ([name, text]): Promise<[string, string]> => {
    // import() becomes require(), too: such a script has no loader for import().
    const { code } = await transform(text, { format: 'cjs', platform: 'node', target: 'node20', supported: { 'dynamic-import': false } });
    return [name, `${JSON.stringify(name)}(require, module) {\n${code}}`];
  });
  return new Map(await Promise.all(made));
}

/** See `run` of warden.cts. `started` is called with each chunk that runs. */
function startSource(functionsOfChunks: readonly string[]): string {
  return `(function (require, url, rest, started = () => {}) {
const chunks = { ${functionsOfChunks.join(',\n')} };
const loaded = new Map();
function load(name) {
  if (!name.startsWith('./')) return require(name);
  if (!loaded.has(name)) {
    if (!Object.hasOwn(chunks, name)) Object.assign(chunks, rest());
    const chunk = { exports: {} };
    loaded.set(name, chunk);
    started(name);
    chunks[name](load, chunk);
  }
  return loaded.get(name).exports;
}
return load('./main.js');
})`;
}

function restSource(functionsOfChunks: readonly string[]): string { return `(function (url) { return { ${functionsOfChunks.join(',\n')} }; })`; }

/** Runs the commands that must start fast, as far as they go without a container. */
async function warmUp(main: ReturnType<typeof bundle.run>): Promise<void> {
  await main.perform(['exec', 'none', '--', 'true'], () => undefined);
}

const all = await functions(), started = new Set<string>();
const whole = new Script(startSource([...all.values()]));
await warmUp((whole.runInThisContext() as (...around: unknown[]) => ReturnType<typeof bundle.run>)(
  createRequire(import.meta.url), new URL('../../src/base/paths.js', import.meta.url).href, () => ({}), (name: string) => started.add(name),
));
const ofStart = startSource([...all].filter(([name]) => started.has(name)).map(([, text]) => text));
const ofRest = restSource([...all].filter(([name]) => !started.has(name)).map(([, text]) => text));
const start = bundle.unpack({ source: ofStart, code: Buffer.alloc(0) }), rest = bundle.unpack({ source: ofRest, code: Buffer.alloc(0) });
// V8 has code only of functions that have run.
await warmUp(bundle.run(start, () => rest));
const parts = [{ source: ofStart, code: start.createCachedData() }, { source: ofRest, code: rest.createCachedData() }] as const;
writeFileSync(`${bundle.file}.new`, bundle.pack(parts));
renameSync(`${bundle.file}.new`, bundle.file);
chmodSync(fileURLToPath(new URL('../../src/cli/warden.cjs', import.meta.url)), 0o755);
