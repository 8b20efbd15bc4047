/** Monitors for tests: ours, and conmon where it is installed, each with a runtime that starts one shell and makes no container. */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { packageRoot } from '../../src/base/paths.js';
import { DEADLINE_MS, type Ended, ended, run, until } from '../support/process.js';

const CONMON = '/usr/bin/conmon';

export const OURS = `${packageRoot}build/libexec/warden/conmon`;
export const noMonitor: string | undefined = existsSync(OURS) ? undefined : 'the native programs are not built here';
const noConmon = noMonitor ?? (existsSync(CONMON) ? undefined : 'no conmon, of the package of that name');

/** The programs that a behaviour is tested on: what holds of conmon holds of ours. */
export const monitors: readonly { name: string; path: string; missing: string | undefined }[] = [
  { name: 'monitor', path: OURS, missing: noMonitor }, { name: 'conmon', path: CONMON, missing: noConmon },
];

const RUNTIME = `#!/bin/sh
while [ $# -gt 0 ]; do case $1 in --pid-file) file=$2; shift;; esac; shift; done
# Behind a shell's & a command has no stdin of its own. It outlives the runtime, which would reap it.
exec 3<&0
(sleep 0.3; exec sh DIRECTORY/script) <&3 3<&- &
printf %s $! > "$file"
`;

/** notify.py SOCKET TEXT: one message of a service, as sd_notify(3) sends it. */
const NOTIFY = `import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.connect(sys.argv[1])
s.send(sys.argv[2].encode().decode('unicode_escape').encode())
`;

export class Monitored {
  /** Messages on the sync pipe. */
  messages = '';

  /** `script`: what the container's first process, a shell, does. */
  constructor(readonly monitor: string, readonly directory: string, script: string, runtime?: string) {
    for (const name of ['bundle', 'exit', 'persist']) mkdirSync(`${directory}/${name}`);
    // For scripts that write when a record of what they wrote before is in the log.
    writeFileSync(`${directory}/script`, `logged() { until grep -q "$1" ${this.log}; do sleep 0.05; done; }\n${script.replaceAll('DIRECTORY', directory)}`);
    writeFileSync(`${directory}/runtime`, runtime ?? RUNTIME.replace('DIRECTORY', directory), { mode: 0o755 });
    writeFileSync(`${directory}/exited`, `#!/bin/sh\nprintf '%s|' "$@" > ${directory}/exit-arguments\n`, { mode: 0o755 });
  }

  get log(): string { return `${this.directory}/log`; }

  /** Runs the monitor to its end, in the foreground. */
  run(...options: string[]): Promise<Ended> { return this.runPlain('--full-attach', ...options); }

  /** The same, without --full-attach. */
  runPlain(...options: string[]): Promise<Ended> {
    const { directory } = this;
    const child = spawn(this.monitor, [
      '--sync', '--api-version', '1', '-c', 'one', '-u', 'one', '-n', 'one', '-r', `${directory}/runtime`,
      '-b', `${directory}/bundle`, '-p', `${directory}/pid`, '--exit-dir', `${directory}/exit`, '--persist-dir', `${directory}/persist`,
      '--exit-command', `${directory}/exited`, '--exit-command-arg', 'container', '--exit-command-arg', '', '--exit-command-arg', 'cleanup',
      ...options.includes('-l') ? [] : ['-l', `k8s-file:${this.log}`], ...options,
    ], { stdio: ['ignore', 'pipe', 'pipe', 'pipe'], env: { ...process.env, _OCI_SYNCPIPE: '3' } });
    child.stdio[3]!.on('data', (bytes: Buffer) => { this.messages += bytes.toString(); });
    return ended(child, DEADLINE_MS);
  }

  /** As `run`, with a service manager: the messages that came to it. */
  async runWithManager(): Promise<{ messages: string[] }> {
    const { directory } = this, socket = `${directory}/manager`;
    mkdirSync(`${directory}/bundle/notify`);
    writeFileSync(`${directory}/notify.py`, NOTIFY);
    const manager = spawn('python3', [`${packageRoot}test/monitor/manager.py`, socket, `${directory}/messages`], { stdio: ['pipe', 'ignore', 'inherit'] });
    await until(() => existsSync(socket), 'the manager listens');
    await this.run('--sdnotify-socket', socket);
    manager.stdin.end();
    await ended(manager, DEADLINE_MS);
    return { messages: JSON.parse(readFileSync(`${directory}/messages`, 'utf8')) as string[] };
  }

  /** As `run`, in a mount namespace with a journal of its own: the messages that came to it. */
  async runWithJournal(...options: string[]): Promise<{ messages: string[] }> {
    const { directory } = this, id = 'one-of-many-containers';
    const argv = ['unshare', '--mount', 'python3', `${packageRoot}test/monitor/with-journal.py`, `${directory}/messages`, this.monitor,
      '--sync', '-c', id, '-u', id, '-r', `${directory}/runtime`, '-b', `${directory}/bundle`, '-p', `${directory}/pid`, '-l', 'journald', ...options];
    const { code, stderr } = await run(argv, { timeoutMs: DEADLINE_MS });
    if (code !== 0) throw new Error(`exit code ${code}: ${stderr}`);
    return { messages: JSON.parse(readFileSync(`${directory}/messages`, 'utf8')) as string[] };
  }

  /** A client, from now on. */
  attach(...input: string[]): Promise<Ended> {
    return run(['python3', `${packageRoot}test/monitor/attach-client.py`, `${this.directory}/bundle/attach`, ...input], { timeoutMs: DEADLINE_MS });
  }

  /** A client that sends its input and reads nothing until it goes on. */
  attachStopped(input: string): { goOn(): Promise<Ended> } {
    const child = spawn('python3', [`${packageRoot}test/monitor/attach-client.py`, `${this.directory}/bundle/attach`, input, 'wait'], {
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    return {
      goOn: () => {
        child.stdin.end();
        return ended(child, DEADLINE_MS);
      },
    };
  }

  get isAttachable(): boolean { return existsSync(`${this.directory}/bundle/attach`); }

  read(name: string): string | undefined {
    const path = `${this.directory}/${name}`;
    return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
  }

  /** The log's records without their times. */
  get records(): string[] {
    return readFileSync(this.log, 'utf8').split('\n').filter((line) => line !== '').map((line) => {
      const record = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}[+-]\d\d:\d\d (.*)$/.exec(line)?.[1];
      if (record === undefined) throw new Error(`not a record: ${line}`);
      return record;
    });
  }
}
