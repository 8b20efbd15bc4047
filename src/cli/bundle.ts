/**
 * The build's last step: the command and all that it needs in one file, which warden.cts runs. What a command asks for by
 * import() is in it, too, and runs only then. Next to the source lies V8's compiled code of what every start runs; in the
 * same file, since V8 compares no more than the source's length: code of another source must never come with it.
 */
import { chmodSync, renameSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Script } from 'node:vm';
import { build, type Plugin } from 'esbuild';
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

/** A function of what is around its modules: see `run` of warden.cts. */
async function source(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('main.js', import.meta.url))],
    bundle: true,
    write: false,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    // require() takes its place: a script of its own has no loader for import().
    supported: { 'dynamic-import': false },
    define: { 'import.meta.url': 'url' },
    external: EXTERNAL,
    plugins: [lazyModules],
    legalComments: 'none',
    logLevel: 'warning',
  });
  return `(function (require, module, url) {\n${outputFiles[0]!.text}})`;
}

const text = await source();
const script = new Script(text, { filename: bundle.file });
// V8 has code of what has run, and of nothing else.
await bundle.run(script).perform(['exec', 'none', '--', 'true'], () => undefined);
writeFileSync(`${bundle.file}.new`, bundle.pack(text, script.createCachedData()));
renameSync(`${bundle.file}.new`, bundle.file);
chmodSync(fileURLToPath(new URL('warden.cjs', import.meta.url)), 0o755);
