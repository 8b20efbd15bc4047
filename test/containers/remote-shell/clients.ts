/** A container, and clients of a remote shell that reach it by `warden-ssh`: what each case of this folder stands on. */
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, symlinkSync } from 'node:fs';
import type { Test } from 'uvu';
import * as assert from 'uvu/assert';
import { programPath } from '../../../src/base/paths.js';
import { noContainers, startContainer, type TestContainer } from '../../support/container.js';
import { type Ended, run, type Scratch, scratch } from '../../support/process.js';
import { unless } from '../../support/skip.js';

export const SSH = programPath('warden-ssh');
const CLIENT_MS = 60_000;
/** The user of the container's /etc/passwd. */
const VCAP = { uid: 10001, gid: 10002 };

export interface Clients {
  /** Runs a client with `warden-ssh` as its shell; the working directory is `here`. */
  client(argv: readonly string[], env?: Readonly<Record<string, string>>, input?: string): Promise<Ended>;
  /** The same for one that has to succeed; its standard output. */
  succeeds(argv: readonly string[], env?: Readonly<Record<string, string>>, input?: string): Promise<string>;
  /** A directory of the host's. */
  readonly here: string;
  /** The container's /home/vcap as the host sees it. */
  readonly home: string;
  /** A test that needs programs; one that is missing skips the test. */
  test(programs: readonly string[], name: string, work: () => Promise<void>): void;
}

export function clientsOf(suite: Test): Clients {
  let container: TestContainer | undefined, directory: Scratch | undefined;
  if (!noContainers) {
    suite.before(async () => {
      container = await startContainer();
      directory = scratch();
      mkdirSync(`${directory.path}/here`);
      chownSync(`${container.path}/root/home/vcap`, VCAP.uid, VCAP.gid);
      mkdirSync(`${container.path}/root/var/tmp`, { recursive: true });
      chmodSync(`${container.path}/root/var/tmp`, 0o1777);
      // tar and cpio ask for /usr/sbin/rmt, which Debian's alternatives lead to.
      mkdirSync(`${container.path}/root/etc/alternatives`, { recursive: true });
      symlinkSync('/usr/sbin/rmt-tar', `${container.path}/root/etc/alternatives/rmt`);
    });
    suite.after(async () => {
      await container?.destroy();
      directory?.remove();
    });
  }
  const clients: Clients = {
    get here() { return `${directory!.path}/here`; },
    get home() { return `${container!.path}/root/home/vcap`; },
    client: (argv, env = {}, input) => run([...argv], {
      cwd: clients.here, timeoutMs: CLIENT_MS,
      env: { PATH: process.env['PATH'], HOME: directory!.path, LANG: 'C.UTF-8', WSH_SOCKET: container!.socket, ...env },
      ...(input === undefined ? {} : { input }),
    }),
    succeeds: async (argv, env, input) => {
      const { code, stdout, stderr } = await clients.client(argv, env, input);
      assert.is(code, 0, `${argv.join(' ')}: ${stderr}`);
      return stdout.toString();
    },
    test: (programs, name, work) => {
      const missing = programs.find((program) => spawnSync('sh', ['-c', `command -v ${program}`]).status !== 0);
      unless(noContainers ?? (missing === undefined ? undefined : `${missing} is not installed`), suite)(name, work);
    },
  };
  return clients;
}
