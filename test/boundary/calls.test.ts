import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { constant, declaredCalls, declaredConstants, enumConstants, source } from './sources.js';

const calls = suite('the boundary and its mirrors');

calls('shim/sys/calls.h lists the calls of assembly/boundary/shim.ts, with as many numbers each', () => {
  const listed = [...source('shim/sys/calls.h').matchAll(/^(?:CALL|STARTING)\((\w+), (\d)\)$/gm)].map(([, name = '', count]) => [name, Number(count)] as const);
  assert.ok(listed.length > 50, 'the list was not understood');
  assert.is(new Set(listed.map(([name]) => name)).size, listed.length, 'a call is listed twice');
  assert.equal(Object.fromEntries(listed), Object.fromEntries(declaredCalls()));
});

calls('every declaration of assembly/boundary/shim.ts was understood', () => {
  assert.is(declaredCalls().size, source('assembly/boundary/shim.ts').split('declare function').length - 1);
});

/** FILE_TYPE_PIPE is FileType.PIPE, STEP_USER is Step.USER; flags have the same name on both sides. */
function nameInC(name: string): string { return name.replace(/^FileType\./, 'FILE_TYPE_').replace(/^Step\./, 'STEP_'); }

calls('shim/sys/host.h has the vocabulary of assembly/boundary/shim.ts', () => {
  const declared = declaredConstants();
  // A mask for TypeScript's own use, and the size of a structure that has no name in C.
  const onlyDeclared = ['FileType.MASK', 'REPORT_BYTES', 'USAGE_BYTES'];
  for (const name of onlyDeclared) assert.ok(declared.delete(name), `${name} is no more`);
  assert.ok(declared.size >= 25, 'the constants were not understood');
  const mirrored = [...declared].map(([name, value]) => [nameInC(name), value] as const);
  assert.equal(Object.fromEntries(enumConstants('shim/sys/host.h')), Object.fromEntries(mirrored));
});

calls('kinds fit their mask, and flags leave it alone', () => {
  const declared = declaredConstants();
  const mask = declared.get('FileType.MASK')!;
  for (const [name, value] of declared) if (name.startsWith('FileType.')) assert.is(value & ~mask, 0, name);
  assert.is(declared.get('CAN_READ')! & mask, 0);
  assert.is(declared.get('CAN_WRITE')! & mask, 0);
});

calls('each flag of a spawn is a bit of its own', () => {
  const flags = [...declaredConstants()].filter(([name]) => name.startsWith('SPAWN_')).map(([, value]) => value);
  assert.is(flags.reduce((all, flag) => all | flag, 0), flags.reduce((sum, flag) => sum + flag, 0));
  for (const flag of flags) assert.ok(flag > 0 && (flag & (flag - 1)) === 0, `${flag} is not one bit`);
});

calls('the host\'s tables hold what the modules\' limits allow', () => {
  const host = (name: string): number => constant('shim/sys/host.h', name);
  const commands = constant('assembly/programs/wshd/commands.ts', 'COMMANDS_MAX'), starts = constant('assembly/programs/wshd/commands.ts', 'STARTS_MAX');
  const clients = constant('assembly/programs/wshd/serve.ts', 'CLIENTS_MAX');
  // A command has its status, a start its exec error pipe and its stderr, a client its socket; 16 for what wshd itself holds.
  assert.ok(host('HANDLES_MAX') >= commands + 2 * starts + clients + 16, 'handles');
  assert.ok(host('LIMITS_MAX') >= constant('assembly/wire/request.ts', 'LIMITS_MAX'), 'limits');
});

calls.run();
