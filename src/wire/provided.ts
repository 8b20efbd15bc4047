/** The codec for code that runs in Node and in a browser: who loads the modules there provides it. */
import type { Codec } from './codec-module.js';

let provider: (() => Codec) | undefined;

export function provideCodec(load: () => Codec): void { provider = load; }

export function providedCodec(): Codec {
  if (!provider) throw new Error('no codec was provided before the first message is made');
  return provider();
}
