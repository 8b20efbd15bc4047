/** A container, and clients of a remote shell that reach it by `warden-ssh`: what each case of this folder stands on. */
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, symlinkSync } from 'node:fs';
import type { Test } from 'uvu';
import * as assert from 'uvu/assert';
import { programPath } from '../../../src/base/paths.js';
import { noContainers, startContainer, type TestContainer } from '../../support/container.js';
import { DocsTable } from '../own-root/docs-table.js';
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
  /**
   * A test of a client, for its row of the table: `how` it is called. It needs programs and devices; one that is missing skips
   * the test.
   */
  test(programs: readonly string[], name: ClientName, how: string, work: () => Promise<void>): void;
  /** Registers the test that the table's rows are what the tests before it have made. */
  tableHolds(): void;
}

/** The clients and their packages, in the order of the table. */
const PACKAGES = {
  'rsync': 'rsync', 'scp': 'openssh-client', 'sftp': 'openssh-client', 'sshfs': 'sshfs', 'tar': 'tar', 'cpio': 'cpio', 'unison': 'unison', 'git': 'git',
  'Subversion': 'subversion', 'Mercurial': 'mercurial', 'CVS': 'cvs', 'Borg': 'borgbackup', 'rdiff-backup': 'rdiff-backup', 'GNU parallel': 'parallel',
  'pdsh': 'pdsh', 'clush': 'clustershell', 'ansible': 'ansible-core',
} as const;
export type ClientName = keyof typeof PACKAGES;

const TABLE = new DocsTable('docs/reference/wsh.md', 'clients of a remote shell', Object.keys(PACKAGES));

/** Rows of the clients whose tests have run: how they were called, by tests that passed. */
class Rows {
  private readonly rows = new Map<ClientName, string[]>();
  private readonly incomplete = new Set<ClientName>();

  /** A test that was skipped leaves the row as the page has it. */
  leave(name: ClientName): void { this.incomplete.add(name); }
  begin(name: ClientName): void { if (!this.rows.has(name)) this.rows.set(name, []); }
  add(name: ClientName, how: string): void { this.rows.get(name)!.push(how); }
  hold(): void { for (const [name, hows] of this.rows) if (!this.incomplete.has(name)) TABLE.holds([name, `\`${PACKAGES[name]}\``, hows.join('; ')]); }
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
  const rows = new Rows();
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
    test: (programs, name, how, work) => {
      const missing = programs.find((program) => (
        program.startsWith('/') ? !existsSync(program) : spawnSync('sh', ['-c', `command -v ${program}`]).status !== 0));
      const reason = noContainers ?? (missing === undefined ? undefined : `there is no ${missing} here`);
      if (reason !== undefined) rows.leave(name);
      unless(reason, suite)(`${name}: ${how}`, async () => {
        rows.begin(name);
        await work();
        rows.add(name, how);
      });
    },
    tableHolds: () => {
      suite('the table in docs/reference/wsh.md is what this run has made', () => {
        rows.hold();
        TABLE.isComplete();
      });
    },
  };
  return clients;
}
