import { constants } from 'node:os';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { boundary, calls } from '../../src/sim/guest/calls/index.js';
import { errnos } from '../../src/sim/kernel/errno.js';
import { rules } from '../../src/sim/guest/policy.js';
import { constant, declaredCalls, declaredConstants, source } from './sources.js';

const mirror = suite('the simulated kernel and the boundary');

mirror('has the calls of assembly/boundary/shim.ts, with as many numbers each', () => {
  assert.is(boundary.size, calls.length, 'a call is there twice');
  const has = Object.fromEntries(calls.map(({ name, count }) => [name, count]));
  assert.equal(has, Object.fromEntries(declaredCalls()));
});

mirror('takes the calls of its start from a program that serves, which the launcher takes from it', () => {
  const native = [...source('shim/sys/calls.h').matchAll(/^STARTING\((\w+), /gm)].map(([, name]) => name!);
  assert.ok(native.length >= 25, 'the list was not understood');
  assert.equal(calls.filter(({ isStarting }) => isStarting).map(({ name }) => name).sort(), native.sort());
});

mirror('has its vocabulary', () => {
  const limits = ['HANDLES_MAX', 'DESCRIPTORS_MAX', 'LIMITS_MAX', 'STARTS_MAX', 'EXIT_UNKNOWN', 'EXIT_HOST', 'EXIT_NOT_STARTED'];
  const has = declaredConstants('src/boundary/constants.ts');
  for (const name of limits) assert.ok(has.delete(name), name);
  assert.ok(has.size >= 25, 'the constants were not understood');
  assert.equal(Object.fromEntries(has), Object.fromEntries(declaredConstants()));
});

mirror('has the native shim\'s limits', () => {
  const has = declaredConstants('src/boundary/constants.ts');
  for (const name of ['HANDLES_MAX', 'DESCRIPTORS_MAX', 'LIMITS_MAX', 'STARTS_MAX']) assert.is(has.get(name), constant('shim/sys/host.h', name), name);
  assert.is(has.get('EXIT_UNKNOWN'), declaredConstants('assembly/wire/status.ts').get('EXIT_UNKNOWN'));
  assert.is(has.get('EXIT_HOST'), constant('shim/launcher/launcher.h', 'EXIT_HOST'));
  assert.is(has.get('EXIT_NOT_STARTED'), constant('shim/sys/process.c', 'EXIT_NOT_STARTED'));
});

mirror('has the modules\' errnos', () => {
  const known = declaredConstants('assembly/lib/errno.ts');
  assert.ok(known.size >= 30, 'the errnos were not understood');
  const has: Readonly<Record<string, number>> = errnos;
  for (const [name, number] of known) assert.is(has[name], number, name);
});

mirror('has Linux\'s errnos and signals', () => {
  if (process.platform !== 'linux') return console.log('  not compared: the numbers of this system are its own');
  const linux: Readonly<Record<string, number>> = constants.errno, signals: Readonly<Record<string, number>> = constants.signals;
  for (const [name, number] of Object.entries(errnos)) if (name in linux) assert.is(number, linux[name], name);
  const named = [...source('src/sim/kernel/signals.ts').matchAll(/\b(SIG[A-Z]+) = (\d+)/g)];
  assert.ok(named.length >= 12);
  for (const [, name = '', number] of named) assert.is(Number(number), signals[name], name);
});

mirror('lets programs name the paths that the native policy lets them', () => {
  const native = [...source('shim/sys/policy.c').matchAll(/^ {4}\{"([\w-]+)", ([A-Z]+), "([^"]*)", ([A-Z_| ]+)\},$/gm)]
    .map(([, program, shape, path, uses = '']) => [program, shape, path, uses.replaceAll(' | ', ' ').replaceAll('USE_', '')]);
  assert.ok(native.length > 20, 'the rules were not understood');
  assert.equal(rules.map((rule) => [...rule]), native);
});

mirror.run();
