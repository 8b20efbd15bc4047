/** podman with both programs of ours: what each of its commands asks of the runtime, in order, and what comes of it. */
import { readFileSync, writeFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { run, until } from '../../support/process.js';
import { unless } from '../../support/skip.js';
import { Terminal } from '../../support/terminal.js';
import { Engine, IMAGE, noPodman, type RuntimeCall } from './engine.js';

const podman = suite('podman with both programs');
const reason = noPodman();
const it = unless(reason, podman);
const engine = reason === undefined ? new Engine() : undefined!;
podman.after(async () => { if (reason === undefined) await engine.end(); });

const NEW = ['run', '-d', '--net=none', '--name'];
const [CREATE, START, DELETE] = ['create --bundle P --pid-file P ID', 'start ID', 'delete --force ID'];
const EXEC = 'exec --pid-file P --process P --detach ID';

/** A call without what differs from run to run. */
function pattern({ args }: RuntimeCall): string {
  return args.join(' ').replace(/^--log-format=json --log \S+ /, '').replace(/\b[0-9a-f]{64}\b(?= \d+$|$)/, 'ID').replaceAll(/ \/\S+/g, ' P').replace(/=\/\S+/, '=P');
}

/** Waits for the calls, in that order: the exit command comes after podman has ended. */
async function called(...expected: string[]): Promise<RuntimeCall[]> {
  const calls: RuntimeCall[] = [];
  await until(() => {
    calls.push(...engine.takeCalls());
    return calls.length >= expected.length;
  }, expected.join(', '));
  assert.equal(calls.map(pattern), expected);
  return calls;
}

/** A container that runs on, or ends by SIGTERM with 3; its calls are taken. */
async function background(name: string, ...options: string[]): Promise<void> {
  await engine.text([...NEW, name, ...options, IMAGE, 'sh', '-c', 'trap "exit 3" TERM; trap : USR1; echo started; while :; do sleep 0.05; done']);
  await until(async () => (await engine.text(['logs', name])) === 'started\n', 'the traps are set');
  engine.takeCalls();
}

async function removed(name: string): Promise<void> {
  await engine.text(['rm', '--force', '--time', '0', name]);
  engine.takeCalls();
}

it('run: create, start, and delete by the exit command', async () => {
  assert.is(await engine.text(['run', '--net=none', '--rm', IMAGE, 'echo', 'hello']), 'hello\n');
  const [create, start, remove] = await called(CREATE, START, DELETE);
  assert.ok(create!.environment.includes('_OCI_SYNCPIPE') && create!.environment.includes('_OCI_STARTPIPE'));
  assert.ok(start!.environment.includes('PATH'));
  assert.not.ok(remove!.environment.includes('_OCI_SYNCPIPE'));
  assert.is(await engine.text(['run', '--net=none', '--rm', '-i', IMAGE, 'cat'], { input: 'in\n' }), 'in\n');
  await called(CREATE, START, DELETE);
});

it('run of a missing command: create, and delete by podman or the exit command; 127', async () => {
  const { code, stderr } = await engine.call(['run', '--net=none', '--rm', IMAGE, 'nosuch']);
  assert.is(code, 127);
  assert.match(stderr, /executable file not found in \$PATH/);
  await until(() => readFileSync(`${engine.path}/calls`, 'utf8').includes('delete'), 'delete');
  assert.equal([...new Set(engine.takeCalls().map(pattern))], [CREATE, DELETE]);
});

it('run -it: create with a console socket; the size, a resize and an exit code arrive', async () => {
  const terminal = new Terminal(['podman', 'run', '-it', '--rm', '--net=none', IMAGE, 'sh'], { rows: 33, columns: 77, env: engine.env });
  await terminal.sees('# ');
  terminal.type('stty size; exit 3\r');
  await terminal.sees('33 77');
  assert.is(await terminal.ends(), 3);
  await terminal.close();
  const calls = engine.takeCalls().map(pattern).filter((each) => each !== 'kill ID 28');
  assert.equal(calls, ['create --bundle P --pid-file P --console-socket P ID', START, DELETE]);
});

it('start and restart: create and start again', async () => {
  await background('restarted');
  await engine.text(['restart', '--time', '9', 'restarted']);
  await called('kill ID 15', DELETE, CREATE, START);
  await engine.text(['stop', '--time', '9', 'restarted']);
  await called('kill ID 15', DELETE);
  assert.is(await engine.text(['inspect', '--format', '{{.State.ExitCode}}', 'restarted']), '3\n');
  await engine.text(['start', 'restarted']);
  await called(CREATE, START);
  await removed('restarted');
});

it('exec, with input, in the background, with a terminal: exec --detach, and its exit code', async () => {
  await background('executed');
  assert.is((await engine.call(['exec', 'executed', 'sh', '-c', 'exit 5'])).code, 5);
  const [exec] = await called(EXEC);
  assert.ok(['_OCI_SYNCPIPE', '_OCI_STARTPIPE', '_OCI_ATTACHPIPE'].every((name) => exec!.environment.includes(name)));
  assert.is(await engine.text(['exec', '-i', 'executed', 'cat'], { input: 'through\n' }), 'through\n');
  await called(EXEC);
  await engine.text(['exec', '-d', 'executed', 'touch', '/tmp/touched']);
  await until(async () => (await engine.call(['exec', 'executed', 'ls', '/tmp/touched'])).code === 0, 'the file is made');
  engine.takeCalls();
  assert.is(await engine.text(['exec', '-t', 'executed', 'tty']), '/dev/pts/0\r\n');
  await called('exec --pid-file P --process P --detach --tty --console-socket P ID');
  assert.is((await engine.call(['exec', 'executed', 'nosuch'])).code, 127);
  await called(EXEC);
  await removed('executed');
});

it('top with ps\'s own options, healthcheck: exec', async () => {
  await background('looked-at', '--health-cmd', 'cat /tmp/well', '--health-interval=disable');
  assert.match(await engine.text(['top', 'looked-at', '-o', 'pid,comm']), /\b1 sh\n/);
  await called(EXEC);
  assert.is((await engine.call(['healthcheck', 'run', 'looked-at'])).code, 1);
  await called(EXEC);
  await removed('looked-at');
});

it('attach at a terminal: SIGWINCH; input and output', async () => {
  await engine.text([...NEW, 'attached', '-it', IMAGE, 'sh']);
  engine.takeCalls();
  const terminal = new Terminal(['podman', 'attach', 'attached'], { rows: 20, columns: 70, env: engine.env });
  await until(() => readFileSync(`${engine.path}/calls`, 'utf8').includes('kill'), 'SIGWINCH');
  terminal.type('stty size; exit 4\r');
  await terminal.sees('20 70');
  await terminal.ends();
  await terminal.close();
  assert.is(await engine.text(['wait', 'attached']), '4\n');
  assert.ok(engine.takeCalls().some((each) => pattern(each) === 'kill ID 28'));
  await removed('attached');
});

it('stop: SIGTERM, then SIGKILL when the time is over; kill --all without a pid namespace', async () => {
  await engine.text([...NEW, 'deaf', IMAGE, 'sh', '-c', 'trap : TERM; while :; do sleep 0.05; done']);
  engine.takeCalls();
  await engine.text(['stop', '--time', '1', 'deaf']);
  await called('kill ID 15', 'kill ID 9', DELETE);
  await removed('deaf');
  await background('of-the-host', '--pid=host');
  await engine.text(['stop', '--time', '9', 'of-the-host']);
  const [kill] = await called('kill --all ID 15', DELETE);
  assert.equal(kill!.environment, ['XDG_RUNTIME_DIR'].filter((name) => kill!.environment.includes(name)), 'no PATH');
  await removed('of-the-host');
});

it('kill, pause, unpause, rm -f, update', async () => {
  await background('killed');
  for (const [args, expected] of [
    [['kill', '--signal', 'USR1'], 'kill ID 10'], [['pause'], 'pause ID'], [['unpause'], 'resume ID'], [['update', '--cpus=0.5'], 'update --resources=P ID'],
  ] as const) {
    await engine.text([...args, 'killed']);
    await called(expected);
  }
  await engine.text(['rm', '--force', '--time', '9', 'killed']);
  await called('kill ID 15', DELETE);
});

it('what only looks at a container, or at its files, calls no runtime', async () => {
  await background('watched');
  writeFileSync(`${engine.path}/file`, 'copied\n');
  await engine.text(['cp', `${engine.path}/file`, 'watched:/tmp/file']);
  assert.match(await engine.text(['diff', 'watched']), /^A \/tmp\/file$/m);
  assert.match(await engine.text(['ps', '--format', '{{.Names}} {{.Status}}']), /^watched Up/m);
  assert.is(await engine.text(['inspect', '--format', '{{.State.Status}} {{.OCIRuntime}}', 'watched']), 'running recorded\n');
  assert.match(await engine.text(['stats', '--no-stream', '--format', '{{.Name}} {{.PIDs}}', 'watched']), /^watched [12]\n/);
  await engine.text(['commit', '--quiet', 'watched', 'localhost/committed']);
  assert.equal(engine.takeCalls(), []);
  await removed('watched');
});

it('logs -f: every line, up to the end; wait: the exit code', async () => {
  await engine.text([...NEW, 'followed', IMAGE, 'sh', '-c', 'sleep 0.5; seq 1 2000; exit 6']);
  const followed = engine.text(['logs', '-f', 'followed']);
  assert.is(await engine.text(['wait', 'followed']), '6\n');
  assert.is(await followed, Array.from({ length: 2000 }, (_, index) => `${index + 1}\n`).join(''));
  await removed('followed');
});

it('a restart policy: delete, create and start again, by the exit command', async () => {
  await engine.text([...NEW, 'again', '--restart=on-failure:1', IMAGE, 'sh', '-c', 'exit 4']);
  await called(CREATE, START, DELETE, CREATE, START, DELETE);
  await until(async () => await engine.text(['inspect', '--format', '{{.State.Status}} {{.State.ExitCode}}', 'again']) === 'exited 4\n', 'the end');
  await removed('again');
});

it('preserve-fds arrives at create and exec', async () => {
  const shell = async (line: string): Promise<string> => {
    const argv = ['sh', '-c', `exec 3<${engine.path}/containers.conf 9</dev/null; exec podman ${line}`];
    return (await run(argv, { env: engine.env, timeoutMs: 60_000 })).stdout.toString();
  };
  assert.is(await shell(`run --rm --net=none --preserve-fds=1 ${IMAGE} ls /proc/self/fd`), '0\n1\n2\n3\n4\n');
  await called('create --bundle P --pid-file P --preserve-fds 1 ID', START, DELETE);
  await background('given');
  assert.is(await shell('exec --preserve-fds=1 given ls /proc/self/fd'), '0\n1\n2\n3\n4\n');
  await called('exec --pid-file P --process P --detach --preserve-fds 1 ID');
  await removed('given');
});

it('a flag of the runtime that it does not have ends in an error, and a checkpoint, too', async () => {
  const { code, stderr } = await engine.call(['--runtime-flag', 'nosuch', 'run', '--rm', '--net=none', IMAGE, 'true']);
  assert.ok(code !== 0);
  assert.match(stderr, /unknown option: --nosuch/);
  engine.takeCalls();
  await background('frozen');
  assert.ok((await engine.call(['container', 'checkpoint', 'frozen'])).code !== 0);
  await removed('frozen');
});

it('pods: containers share what a pod shares, and pause, stop and go together', async () => {
  await engine.text(['pod', 'create', '--name', 'pod', '--network', 'none']);
  await engine.text(['run', '-d', '--pod', 'pod', '--name', 'in-pod', IMAGE, 'sleep', '1000']);
  assert.is(await engine.text(['run', '--rm', '--pod', 'pod', IMAGE, 'hostname']), 'pod\n');
  engine.takeCalls();
  await engine.text(['pod', 'pause', 'pod']);
  await called('pause ID', 'pause ID');
  await engine.text(['pod', 'unpause', 'pod']);
  await called('resume ID', 'resume ID');
  assert.match(await engine.text(['pod', 'ps', '--format', '{{.Name}} {{.Status}}']), /^pod Running$/m);
  await engine.text(['pod', 'rm', '--force', '--time', '0', 'pod']);
  engine.takeCalls();
});

it('play kube: a pod from YAML, and down again', async () => {
  const file = `${engine.path}/kube.yaml`;
  writeFileSync(file, `apiVersion: v1
kind: Pod
metadata: {name: kube}
spec:
  restartPolicy: Never
  hostNetwork: true
  containers:
  - {name: one, image: "${IMAGE}", imagePullPolicy: Never, command: [sh, -c, "echo from kube; sleep 1000"], resources: {limits: {memory: 64Mi}}}
`);
  await engine.text(['play', 'kube', file]);
  await called(CREATE, START, CREATE, START);
  await until(async () => await engine.text(['logs', 'kube-one']) === 'from kube\n', 'the log');
  await engine.text(['play', 'kube', '--down', file]);
  const down = engine.takeCalls().map(pattern);
  assert.equal([...new Set(down)].sort(), [DELETE, 'kill ID 9']);
});

it('out of memory is reported', async () => {
  const { code } = await engine.call(['run', '--name', 'greedy', '--net=none', '--memory=20m', '--memory-swap=20m', IMAGE, 'sh', '-c', 'head -c 100000000 /dev/zero | tail']);
  assert.is(code, 137);
  assert.is(await engine.text(['inspect', '--format', '{{.State.OOMKilled}}', 'greedy']), 'true\n');
  await removed('greedy');
});

it('a log at debug level: nothing is in the way', async () => {
  const { code, stdout } = await engine.call(['--log-level', 'debug', 'run', '--rm', '--net=none', IMAGE, 'echo', 'said']);
  assert.equal([code, stdout.toString()], [0, 'said\n']);
  await until(() => readFileSync(`${engine.path}/calls`, 'utf8').includes('delete'), 'delete', 60_000);
  engine.takeCalls();
});

podman.run();
