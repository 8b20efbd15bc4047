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

/** Commander can start other programs as subcommands, which are none of ours; child_process brings Node's network along. */
const lazyChildProcess: Plugin = {
  name: 'lazy-child-process',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^node:child_process$/ }, ({ importer }) => (
      /[\\/]commander[\\/]/.test(importer) ? { path: 'child_process', namespace: 'lazy' } : undefined
    ));
    onLoad({ filter: /.*/, namespace: 'lazy' }, ({ path }) => ({ contents: `module.exports = { get spawn() { return require('${path}').spawn; } };` }));
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
    plugins: [lazyChildProcess],
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
