import { readFileSync } from 'node:fs';
import { createContext, runInContext } from 'node:vm';
import { build } from 'esbuild';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { packageRoot, wasmPath } from '../../../src/base/paths.js';

const browser = suite('the simulation in a browser');

/** What a browser has and JavaScript itself has not, as far as the bundle asks for it; nothing of Node's. */
function bareContext(): Record<string, unknown> {
  const context: Record<string, unknown> = { TextEncoder, TextDecoder, atob, URL, Response, queueMicrotask, performance, crypto };
  context['self'] = context['window'] = context;
  context['bytesOf'] = (name: string) => new Uint8Array(readFileSync(wasmPath(name)));
  return createContext(context);
}

const PROGRAM = `
import { preparePrograms, World } from './src/sim/world/index.js';
const names = ['wshd', 'wsh', 'iomux-spawn', 'iomux-link', 'oom'];
const modules = Object.fromEntries(names.map((name) => [name, new Uint8Array(globalThis.bytesOf(name))]));
globalThis.answer = preparePrograms(modules).then((programs) => {
  const world = new World({ programs, seed: 1 }), container = world.container('/c');
  const wshd = container.start();
  world.run(() => wshd.ended);
  const wsh = container.wsh(['/bin/script', '-c', 'say 1 hello; exit 3']);
  world.run(() => wsh.ended && wsh.stdout.ended);
  const { exitCode, stdout: { text } } = wsh;
  world.end();
  return JSON.stringify({ exitCode, text });
});`;

browser('bundles without anything of Node\'s, and runs a command', async () => {
  const bundle = await build({
    stdin: { contents: PROGRAM, resolveDir: `${packageRoot}build/js`, loader: 'js' },
    bundle: true, write: false, platform: 'browser', format: 'iife', target: 'es2023', logLevel: 'silent',
  });
  assert.equal(bundle.warnings, []);
  const context = bareContext();
  runInContext(bundle.outputFiles[0]!.text, context);
  assert.is(await context['answer'], JSON.stringify({ exitCode: 3, text: 'hello\n' }));
});

browser('imports nothing of Node\'s but in node.ts', async () => {
  const bundle = await build({
    entryPoints: [`${packageRoot}build/js/src/sim/world/index.js`], bundle: true, write: false, platform: 'neutral', metafile: true, logLevel: 'silent',
    external: ['@wasmer/wasi'],
  });
  const imported = Object.values(bundle.metafile.outputs).flatMap(({ imports }) => imports.map(({ path }) => path));
  assert.equal(imported, ['@wasmer/wasi']);
});

browser.run();
