/** A resolve hook of Node's module loader: tests that import uvu get uvu.ts. https://nodejs.org/api/module.html#customization-hooks */
import type { ResolveHook } from 'node:module';

const wrapper = new URL('./uvu.js', import.meta.url).href;

export const resolve: ResolveHook = (specifier, context, next) => (
  specifier === 'uvu' && context.parentURL !== wrapper ? { url: wrapper, shortCircuit: true } : next(specifier, context)
);
