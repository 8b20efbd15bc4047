/** The addon's C files include the kernel's headers, its C++ files the C library's and Node's: both define struct termios. */
import { readdirSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { source } from '../boundary/sources.js';

const seam = suite('the addon\'s C and C++ files');

function included(folder: string): string[] {
  return readdirSync(new URL(`../../../../${folder}`, import.meta.url)).flatMap((file) => (
    [...source(`${folder}/${file}`).matchAll(/^#include [<"]([^>"]+)[>"]/gm)].map(([, header]) => `${file}: ${header}`)));
}

seam('napi includes no header of the kernel, and of shim/sys the list of calls only', () => {
  const found = included('shim/addon/napi');
  assert.ok(found.length > 20, 'the includes were not understood');
  const wrong = found.filter((line) => /: (asm|linux)\/|sys\/(?!calls\.h|wait\.h)|internal\.h/.test(line));
  assert.equal(wrong, []);
});

seam('instance includes no header of Node', () => {
  assert.equal(included('shim/addon/instance').filter((line) => /: (napi|uv|node)/.test(line)), []);
});

seam.run();
