/** What a monitor writes and calls, in which order: to its caller, to the runtime, and at the container's end. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Ended, ended, run, scratch, until } from '../support/process.js';
import { unless } from '../support/skip.js';
import { Monitored, monitors } from './help.js';

/** A monitor, and the messages on its pipes; `go` writes a byte to the start pipe. */
interface Started { child: ChildProcess; sync: string[]; attach: string[]; go(): void; end: Promise<Ended> }

/** Records its arguments and its descriptors, one a line. The container's process is a shell of the test's. */
const RECORDER = `#!/bin/sh
printf '%s\\n' "$@" > DIRECTORY/arguments
(ls /proc/$$/fd > DIRECTORY/descriptors)
while [ $# -gt 0 ]; do case $1 in --pid-file) file=$2; shift;; esac; shift; done
exec 7<&0
(sleep 0.2; exec sh DIRECTORY/script) <&7 7<&- &
printf %s $! > "$file"
`;

for (const { name, path, missing } of monitors) {
  const all = suite(`the order of things under ${name}`);
  const it = unless(missing, all);
  const { directory, remove } = scratch();
  all.after(remove);

  /** A container whose runtime is the recorder. */
  const of = (script: string): Monitored => {
    const at = directory();
    return new Monitored(path, at, script, RECORDER.replaceAll('DIRECTORY', at));
  };

  /** A monitor with pipes for 3 (sync), 4 (start) and, for a command, 5 (attach). Messages are those on 3 and 5. */
  function start(container: Monitored, options: readonly string[]): Started {
    const { directory: at } = container, sync: string[] = [], attach: string[] = [];
    const child = spawn(path, [
      '--full-attach', '-c', 'one', '-u', 'one', '-r', `${at}/runtime`, '-b', `${at}/bundle`, '-p', `${at}/pid`, '--exit-dir', `${at}/exit`,
      '-l', `k8s-file:${container.log}`, '--conmon-pidfile', `${at}/monitor-pid`, ...options,
    ], { stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'pipe', 'pipe'], env: { ...process.env, _OCI_SYNCPIPE: '3', _OCI_STARTPIPE: '4', _OCI_ATTACHPIPE: '5' } });
    const [, , , syncPipe, startPipe, attachPipe] = child.stdio as unknown as (Readable & Writable)[];
    syncPipe!.on('data', (bytes: Buffer) => { sync.push(bytes.toString()); });
    attachPipe!.on('data', (bytes: Buffer) => { attach.push(bytes.toString()); });
    return { child, sync, attach, go: () => { startPipe!.write('x'); }, end: ended(child) };
  }

  /** Session of a process: field 6 of /proc/PID/stat. */
  const sessionOf = (pid: string): string => readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /, '').split(' ')[3]!;

  it('waits for a byte on the start pipe; then a daemon in a session of its own goes on, and the first process ends with 0', async () => {
    const container = of('read line; echo over');
    const { sync, go, child, end } = start(container, ['--api-version', '1', '--stdin']);
    await until(() => existsSync(container.log), 'the log is open');
    assert.equal([existsSync(`${container.directory}/arguments`), existsSync(`${container.directory}/monitor-pid`)], [false, false]);
    go();
    await until(() => sync.length > 0, 'a message');
    const daemon = container.read('monitor-pid')!;
    assert.not.equal(daemon, String(child.pid));
    assert.is(sessionOf(daemon), daemon);
    assert.is(sync.join(''), `{"data": ${container.read('pid')}}\n`);
    assert.equal(readdirSync(`${container.directory}/bundle`).sort(), ['attach', 'ctl', 'winsz']);
    writeFileSync(`${container.directory}/input`, 'go\n');
    await container.attach(`${container.directory}/input`);
    // The daemon holds the pipes: their end is its own.
    assert.is((await end).code, 0);
    await until(() => container.read('exit/one') === '0', 'the exit file');
  });

  it('starts a command: 0 on the attach pipe, a second byte, its pid, its exit file and code', async () => {
    const container = of('echo said; exit 5');
    writeFileSync(`${container.directory}/spec`, '{}');
    const { sync, attach, go, end } = start(container, ['--api-version', '1', '--exec', '--exec-attach', '--exec-process-spec', `${container.directory}/spec`]);
    go();
    await until(() => attach.length > 0, 'a message on the attach pipe');
    assert.equal([attach.join(''), sync.join(''), existsSync(`${container.directory}/arguments`)], ['{"data": 0}\n', '', false]);
    go();
    await end;
    assert.is(sync.join(''), `{"data": ${container.read('pid')}}\n{"data": 5}\n`);
    assert.is(container.read('exit/one'), '5');
    assert.equal(container.read('arguments')!.split('\n'), ['exec', '--pid-file', `${container.directory}/pid`, '--process', `${container.directory}/spec`, '--detach', 'one', '']);
  });

  it('has older names for callers without --api-version', async () => {
    const container = of('exit 3');
    const { sync, go, end } = start(container, []);
    go();
    await end;
    assert.is(sync.join(''), `{"pid": ${container.read('pid')}}\n`);
    const command = of('exit 4');
    writeFileSync(`${command.directory}/spec`, '{}');
    const other = start(command, ['--exec', '--exec-process-spec', `${command.directory}/spec`]);
    other.go();
    await other.end;
    assert.is(other.sync.join(''), '{"exit_code": 4}\n');
  });

  it('calls the runtime with what the caller gave, and no descriptor of the caller\'s', async () => {
    const container = of('exit 0');
    await container.run('--runtime-arg', '--log-format=json', '--runtime-arg', '--log=/x', '--runtime-opt', '--preserved', '-s', '--no-pivot', '--no-new-keyring');
    assert.equal(container.read('arguments')!.split('\n'), [
      '--systemd-cgroup', '--log-format=json', '--log=/x', 'create', '--bundle', `${container.directory}/bundle`, '--pid-file', `${container.directory}/pid`,
      '--no-pivot', '--no-new-keyring', '--preserved', 'one', '',
    ]);
    // 10 is the shell's own, of its script. conmon leaves some of its own open.
    if (name === 'monitor') assert.equal(container.read('descriptors')!.trim().split('\n').filter((fd) => fd !== '10'), ['0', '1', '2']);
    const restored = of('exit 0');
    await restored.run('--restore', '/image');
    const words = restored.read('arguments')!.split('\n');
    assert.is(words[0], 'restore');
    assert.is(words[words.indexOf('--image-path') + 1], '/image');
    assert.ok(words.includes('--detach') && words.includes('--work-path'));
  });

  it('hands on the descriptors that --preserve-fds names, behind which its own pipes are', async () => {
    const container = of('cat <&3');
    writeFileSync(`${container.directory}/given`, 'preserved\n');
    const { code, stderr } = await run(['sh', '-c', 'exec 3<"$0" 4>/dev/null; shift 0; exec "$@"', `${container.directory}/given`, path, '--sync', '--full-attach',
      '-c', 'one', '-u', 'one', '-r', `${container.directory}/runtime`, '-b', `${container.directory}/bundle`, '-p', `${container.directory}/pid`,
      '-l', `k8s-file:${container.log}`, '--runtime-opt', '--preserve-fds', '--runtime-opt', '1'], { env: { ...process.env, _OCI_SYNCPIPE: '4' } });
    assert.is(code, 0, stderr);
    assert.equal(container.records, ['stdout F preserved']);
  });

  it('at the end: the log is whole, the exit code is in its files, attach is gone, then the exit command runs', async () => {
    const container = of('seq 1 5000; exit 6');
    writeFileSync(`${container.directory}/exited`, `#!/bin/sh
cd ${container.directory}
{ tail -n 1 log; cat exit/one persist/exit; echo; ls bundle | tr '\\n' ' '; echo; ls exit; } > seen
`, { mode: 0o755 });
    assert.is((await container.run()).code, 6);
    const [last, codes, bundle, exit] = container.read('seen')!.split('\n');
    assert.ok(last!.endsWith(' stdout F 5000'), last);
    assert.equal([codes, bundle, exit], ['66', 'ctl winsz ', 'one']);
  });

  it('leaves stdin open for the next client with --leave-stdin-open', async () => {
    const container = of('read one; echo "got $one"; read two; echo "got $two"');
    const ending = container.run('--stdin', '--leave-stdin-open');
    await until(() => container.isAttachable, 'attach');
    for (const word of ['first', 'second']) {
      writeFileSync(`${container.directory}/${word}`, `${word}\n`);
      // It sends, ends its input, and gets output until the container ends.
      void container.attach(`${container.directory}/${word}`);
      await until(() => container.read('log')?.includes(`got ${word}`) === true, `${word} arrives`);
    }
    await ending;
    assert.equal(container.records, ['stdout F got first', 'stdout F got second']);
  });

  it('prints a version that podman takes', async () => {
    const { code, stdout } = await run([path, '--version']);
    assert.is(code, 0);
    assert.match(stdout.toString(), /^conmon version (2\.0\.[1-9]|2\.[1-9]\d*\.\d+)\n/);
  });

  it('waits for --exit-delay before the exit command', async () => {
    const container = of('exit 0'), before = Date.now();
    await container.run('--exit-delay', '1');
    assert.ok(Date.now() - before >= 1000);
    assert.is(container.read('exit-arguments'), 'container||cleanup|');
  });

  all.run();
}
