/**
 * The build's last step: the command and all that it needs in one file, which warden.cts runs. It has two parts, what every
 * start runs and what commands ask for by import(). V8's compiled code lies in the same file as the source that it is of: V8
 * compares no more than the source's length, so code of another source must never come with it.
 */
import { chmodSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Script } from 'node:vm';
import { build, type Plugin, transform } from 'esbuild';
import bundle from './warden.cjs';

/** Large, and each needed by one command; they are dependencies, so they are there. */
const EXTERNAL = ['@dagrejs/dagre', '@wasmer/wasi'];

/** Modules of Node's that bring others along, and that few commands use: each is loaded when something of it is used first. */
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

/** What commands share and what each has for itself, as ES modules that import each other. */
async function chunks(): Promise<Map<string, string>> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('main.js', import.meta.url))],
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
    // import() as well becomes require(): a script of its own has no loader for it.
    const { code } = await transform(text, { format: 'cjs', platform: 'node', target: 'node20', supported: { 'dynamic-import': false } });
    return [name, `${JSON.stringify(name)}(require, module) {\n${code}}`];
  });
  return new Map(await Promise.all(made));
}

/** See `run` of warden.cts. `started` hears of each chunk that is run. */
function startSource(chunks: readonly string[]): string {
  return `(function (require, url, rest, started = () => {}) {
const chunks = { ${chunks.join(',\n')} };
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

function restSource(chunks: readonly string[]): string { return `(function (url) { return { ${chunks.join(',\n')} }; })`; }

/** The command line that is to be fast, as far as it goes where there is no container. */
async function warmUp(main: ReturnType<typeof bundle.run>): Promise<void> {
  await main.perform(['exec', 'none', '--', 'true'], () => undefined);
}

const all = await functions(), started = new Set<string>();
const whole = new Script(startSource([...all.values()]));
await warmUp((whole.runInThisContext() as (...around: unknown[]) => ReturnType<typeof bundle.run>)(
  createRequire(import.meta.url), new URL('../paths.js', import.meta.url).href, () => ({}), (name: string) => started.add(name),
));
const ofStart = startSource([...all].filter(([name]) => started.has(name)).map(([, text]) => text));
const ofRest = restSource([...all].filter(([name]) => !started.has(name)).map(([, text]) => text));
const start = bundle.unpack({ source: ofStart, code: Buffer.alloc(0) }), rest = bundle.unpack({ source: ofRest, code: Buffer.alloc(0) });
// V8 has code of what has run, and of nothing else.
await warmUp(bundle.run(start, () => rest));
const parts = [{ source: ofStart, code: start.createCachedData() }, { source: ofRest, code: rest.createCachedData() }] as const;
writeFileSync(`${bundle.file}.new`, bundle.pack(parts));
renameSync(`${bundle.file}.new`, bundle.file);
chmodSync(fileURLToPath(new URL('warden.cjs', import.meta.url)), 0o755);
