/**
 * Builds the page that shows a simulated host, one static folder: it works from any file server, and from disk, where a page
 * may load neither modules nor workers nor WebAssembly from other files. So all of these lie in its one script.
 */
import { cpSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { build, type BuildOptions, type Plugin } from 'esbuild';
import { packageRoot, playgroundPath, wasmPath } from '../../src/base/paths.js';
import { PROGRAM_NAMES } from '../../src/boundary/programs.js';

const SOURCES = `${packageRoot}src/playground/page`;
const FRESH = `${playgroundPath}.new`;

const COMMON: BuildOptions = {
  bundle: true, minify: true, keepNames: true, platform: 'browser', format: 'iife', target: ['chrome120', 'firefox121', 'safari17.2'],
  legalComments: 'none', logLevel: 'warning', charset: 'utf8',
};

/** A module that is made here: what the page imports as "playground:NAME". */
function made(name: string, contents: string, loader: 'js' | 'text'): Plugin {
  return {
    name,
    setup({ onResolve, onLoad }) {
      onResolve({ filter: new RegExp(`^playground:${name}$`) }, () => ({ path: name, namespace: 'playground' }));
      onLoad({ filter: new RegExp(`^${name}$`), namespace: 'playground' }, () => ({ contents, loader, resolveDir: packageRoot }));
    },
  };
}

function modulesSource(): string {
  const names = [...PROGRAM_NAMES, 'codec'];
  const imports = names.map((name, index) => `import m${index} from ${JSON.stringify(wasmPath(name))};`);
  return `${imports.join('\n')}\nexport default { ${names.map((name, index) => `${JSON.stringify(name)}: m${index}`).join(', ')} };`;
}

async function workerSource(): Promise<string> {
  const { outputFiles } = await build({
    ...COMMON, entryPoints: [`${SOURCES}/worker.ts`], write: false as const, loader: { '.wasm': 'binary' }, plugins: [made('modules', modulesSource(), 'js')],
  });
  return outputFiles[0]!.text;
}

rmSync(FRESH, { recursive: true, force: true });
mkdirSync(FRESH, { recursive: true });
await build({
  ...COMMON, entryPoints: [`${SOURCES}/main.ts`], outfile: `${FRESH}/playground.js`, plugins: [made('worker', await workerSource(), 'text')],
});
for (const file of ['index.html', 'playground.css']) cpSync(`${SOURCES}/${file}`, `${FRESH}/${file}`);
rmSync(playgroundPath, { recursive: true, force: true });
renameSync(FRESH, playgroundPath);
