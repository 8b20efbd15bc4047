import { spawnSync } from 'node:child_process';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { packageRoot } from '../../../src/base/paths.js';
import { scratch } from '../../support/process.js';
import { noPrograms, unless } from '../../support/skip.js';

const link = suite('iomux-link whose stdout is a pty\'s master');
const test = unless(noPrograms, link);
const directory = scratch();
link.after(() => directory.remove());

/** A job, and a link of it that writes to a master: what its slave reads, and how the link ended. */
const SCRIPT = `
import os, pty, subprocess, sys, time, tty
spawn, link, directory = sys.argv[1:]
master, slave = pty.openpty()
tty.setraw(slave)
job = subprocess.Popen([spawn, directory, 'sh', '-c', 'echo from inside; exit 3'], stdout=subprocess.DEVNULL)
while not os.path.exists(directory + '/status.sock'): time.sleep(0.01)
ended = subprocess.run([link, directory], stdout=master, stderr=subprocess.DEVNULL, timeout=20).returncode
os.set_blocking(slave, False)
print(ended, os.read(slave, 100))
job.wait()
`;

test('delivers the output to that pty', () => {
  const programs = ['iomux-spawn', 'iomux-link'].map((name) => `${packageRoot}build/bin/${name}`);
  const ran = spawnSync('python3', ['-c', SCRIPT, ...programs, directory.path], { encoding: 'utf8', timeout: 30_000 });
  assert.is(ran.stdout + ran.stderr, "3 b'from inside\\n'\n");
});

link.run();
