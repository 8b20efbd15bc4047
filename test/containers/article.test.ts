/**
 * A server in a container as a Cloud Foundry host of 2013 ran one: bash under wsh under iomux-spawn gets a script on its
 * stdin; that starts the application, whose output goes through two tees; two links listen.
 */
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { programPath } from '../../src/base/paths.js';
import { assertSame, pattern } from '../support/bytes.js';
import { noContainers, startContainer, type TestContainer } from '../support/container.js';
import { DEADLINE_MS, holds, startJob, startLink, stopAll } from '../support/iomux.js';
import { processesWith, until } from '../support/process.js';
import { unless } from '../support/skip.js';
import { parentOf } from './chain.js';

const article = suite('the article\'s own case');
const it = unless(noContainers ?? (existsSync('/usr/bin/python3') ? undefined : 'no /usr/bin/python3'), article);

const STARTUP = `#!/bin/bash
cd /home/vcap/app
exec > >(tee ../logs/stdout.log) 2> >(tee ../logs/stderr.log >&2)
exec /usr/bin/python3 -B server.py
`;

/** It serves, has a child that writes all the time and one for each request, and ends when it is asked to. */
const SERVER = `
import http.server, os, signal, subprocess, sys, time

def write_lines():
    line = 0
    while True:
        os.write(1, b''.join(b'%015d\\n' % (line + i) for i in range(64)))
        line += 64
        time.sleep(0.002)

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        name = subprocess.run(['/bin/uname', '-n'], capture_output=True).stdout.decode().strip()
        body = ('%s for uid %d on %s\\n' % (self.path, os.getuid(), name)).encode()
        self.send_response(200)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *args):
        os.write(2, ('served ' + self.path + '\\n').encode())

def stop(*_):
    os.kill(writer, signal.SIGKILL)
    nothing = os.open('/dev/null', os.O_WRONLY)
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)
    # The tees end when nobody writes to them any more.
    while True:
        try: os.wait()
        except ChildProcessError: os._exit(42)

server = http.server.ThreadingHTTPServer(('127.0.0.1', 8080), Handler)
writer = os.fork()
if writer == 0: write_lines()
signal.signal(signal.SIGTERM, stop)
open('pid', 'w').write(str(os.getpid()))
server.serve_forever()
`;

const VCAP_UID = 10001, VCAP_GID = 10002;

/** Puts the application where the container's user has it. */
function install(container: TestContainer): string {
  const home = `${container.path}/root/home/vcap`;
  for (const directory of [`${home}/app`, `${home}/logs`]) mkdirSync(directory);
  writeFileSync(`${home}/startup`, STARTUP);
  writeFileSync(`${home}/app/server.py`, SERVER);
  chmodSync(`${home}/startup`, 0o755);
  for (const path of ['', '/app', '/logs', '/startup', '/app/server.py']) chownSync(home + path, VCAP_UID, VCAP_GID);
  return home;
}

/** Asks the server from inside the container, whose loopback is its own. */
async function get(container: TestContainer, path: string): Promise<string> {
  const script = `exec 3<>/dev/tcp/127.0.0.1/8080 && printf 'GET ${path} HTTP/1.0\\r\\n\\r\\n' >&3 && cat <&3`;
  const { code, stdout, stderr } = await container.wsh(['--user', 'vcap', '/bin/bash', '-c', script], { timeoutMs: DEADLINE_MS });
  assert.equal([code, stderr], [0, '']);
  return stdout.toString().replace(/.*\r\n\r\n/s, '');
}

const childrenOf = (pid: number): number[] => processesWith('').filter((child) => parentOf(child) === pid);

let container: TestContainer;
article.after.each(async () => {
  await stopAll();
  await container.destroy();
});

it('a server with children of its own runs, is heard by two links, answers, and is stopped', async () => {
  container = await startContainer();
  const home = install(container);
  const job = await startJob(container.jobDirectory(), [programPath('wsh'), '--socket', container.socket, '--user', 'vcap', '/bin/bash'], ['--ring', '8M']);
  job.process.stdin!.end('cd /home/vcap && ./startup\n');
  const stays = startLink(job.directory);
  await until(() => existsSync(`${home}/app/pid`), 'the server runs', DEADLINE_MS);

  // wshd─bash─server─┬─tee, twice; and the one that writes
  const bash = childrenOf(container.pid);
  assert.is(bash.length, 1);
  const server = childrenOf(bash[0]!);
  assert.is(server.length, 1);
  assert.match(readFileSync(`/proc/${server[0]}/cmdline`, 'utf8'), 'server.py');
  assert.ok(childrenOf(server[0]!).length >= 3, `${childrenOf(server[0]!)}`);

  // None of them has a second thread.
  const wsh = childrenOf(job.pid);
  assert.is(wsh.length, 1);
  for (const pid of [container.pid, job.pid, wsh[0]!, stays.process.pid!]) assert.match(readFileSync(`/proc/${pid}/status`, 'utf8'), /^Threads:\t1$/m);

  const cursors = `${container.path}/cursors`, pieces: Buffer[] = [], logs: string[] = [];
  let requests = '';
  for (let round = 0; round < 10; round++) {
    const link = startLink(job.directory, '-w', cursors);
    await until(() => link.output().length > 5_000, 'it hears', DEADLINE_MS);
    assert.is(await get(container, `/request-${round}`), `/request-${round} for uid ${VCAP_UID} on container\n`);
    requests += `served /request-${round}\n`;
    link.process.kill('SIGTERM');
    const { code, stdout, stderr } = await link.ended;
    assert.is(code, 0);
    pieces.push(stdout);
    logs.push(stderr);
  }
  const last = startLink(job.directory, '-w', cursors);
  await holds(job, 6);

  const stopped = await container.wsh(['--user', 'vcap', '/bin/bash', '-c', 'kill $(cat app/pid)']);
  assert.equal([stopped.code, stopped.stderr], [0, '']);
  const [whole, rest] = [await stays.ended, await last.ended];
  assert.equal([whole.code, rest.code, (await job.ended).code], [42, 42, 0]);
  assertSame(whole.stdout, pattern(whole.stdout.length), 'stdout of the link that stayed');
  assertSame(Buffer.concat([...pieces, rest.stdout]), whole.stdout, 'stdout of those that came and went');
  assertSame(readFileSync(`${home}/logs/stdout.log`), whole.stdout, 'what tee has written');
  assert.is(whole.stderr, requests);
  assert.is([...logs, rest.stderr].join(''), requests);
  assert.is(readFileSync(`${home}/logs/stderr.log`, 'utf8'), requests);
  assert.equal(childrenOf(container.pid), []);
});

article.run();
