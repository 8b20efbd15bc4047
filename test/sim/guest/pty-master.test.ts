import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Pty } from '../../../src/sim/kernel/tty/pty.js';
import { serving, withWorld } from '../help.js';

const test = suite('a simulated program whose stdout is a pty\'s master');

test('writes to that pty, and not to another one', () => withWorld((world) => {
  const container = serving(world), [master, slave] = Pty.open(), bytes = new Uint8Array(64);
  slave.pty.set({ cooked: false });
  for (const end of [master, slave]) end.hold();
  const wsh = container.wsh(['/bin/script', '-c', 'say 1 from inside; exit 4'], { stdout: master });
  world.run(() => wsh.ended);
  assert.is(wsh.exitCode, 4);
  assert.is(new TextDecoder().decode(bytes.subarray(0, slave.read(bytes))), 'from inside\n');
}));

test.run();
