/** ARCHITECTURE PROFILE FILTER: makes the filter of a profile, for the capabilities that containers have unless asked otherwise. */
import { readFileSync, writeFileSync } from 'node:fs';

/** CHOWN … SETFCAP: src/linux/filter.ts has their names. */
const CAPABILITIES = 0xa80425fbn;
/** AUDIT_ARCH_ of linux/audit.h. */
const ARCHITECTURES = { x86_64: 0xc000003e, aarch64: 0xc00000b7, riscv64: 0xc00000f3 };

const [architecture, profile, to] = process.argv.slice(2);
const module = new WebAssembly.Module(readFileSync(new URL('../../build/wasm/filter.wasm', import.meta.url)));
const { exports: compiler } = new WebAssembly.Instance(module, { wasi_snapshot_preview1: { fd_write: () => 0 } });
const text = readFileSync(profile);
new Uint8Array(compiler.memory.buffer, compiler.textAt(), text.length).set(text);
const size = compiler.makeFilter(text.length, ARCHITECTURES[architecture], CAPABILITIES);
if (size === 0) throw new Error(`${profile}: ${Buffer.from(compiler.memory.buffer, compiler.wordsAt(), compiler.wordsSize()).toString()}`);
writeFileSync(to, new Uint8Array(compiler.memory.buffer, compiler.filterAt(), size));
