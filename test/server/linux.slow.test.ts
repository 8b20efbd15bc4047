import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ifReadable } from '../../src/base/errors.js';
import type { Client } from '../../src/client/index.js';
import { processesWith, run, until } from '../support/process.js';
import { unless } from '../support/skip.js';
import { noServer, type RealServer, remains, startReal } from './support/real.js';

const linux = suite('server linux');
const test = unless(noServer, linux);
let server: RealServer, client: Client;
linux.before(async () => { if (noServer === undefined) server = await startReal(); });
linux.before.each(async () => { if (noServer === undefined) client = await server.connect(); });
linux.after.each(async () => {
  if (noServer !== undefined) return;
  for (const handle of (await client.list()).handles) await client.destroy({ handle });
  await client.close();
  assert.equal(await remains(server), []);
});
linux.after(async () => { if (noServer === undefined) await server.close(); });

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

/** Runs a script to its end: "STATUS STDOUT STDERR". */
async function sh(handle: Uint8Array, script: string, more: object = {}): Promise<[number, string, string]> {
  const { exitStatus, stdout, stderr } = await client.run({ handle, script, ...more });
  return [exitStatus, text(stdout), text(stderr)];
}

const refused = (message: string) => (error: unknown): void => { assert.is((error as Error).message, message); };

test('a container has the names, addresses and files of the original', async () => {
  const { handle } = await client.create(), id = text(handle);
  assert.match(id, /^[0-9a-v]{11}$/);
  assert.equal(await sh(handle, 'hostname; id -u; id -un; cat /etc/hosts; pwd'), [
    0, `${id}\n10000\nvcap\n127.0.0.1 localhost\n10.254.0.2 ${id}\n/home/vcap\n`, '',
  ]);
  const { hostIp, containerIp, containerPath, state, memoryStat, cpuStat } = await client.info({ handle });
  assert.equal([state, hostIp, containerIp, text(containerPath)], ['active', '10.254.0.1', '10.254.0.2', `${server.depot}/${id}`]);
  assert.ok(memoryStat!.rss > 0n && cpuStat!.usage > 0n);
  const config = readFileSync(`${server.depot}/${id}/etc/config`, 'utf8');
  assert.match(config, new RegExp(`^id=${id}$[^]*^network_container_iface=w-${id}-1$[^]*^user_uid=10000$`, 'm'));
  assert.is((JSON.parse(readFileSync(`${server.depot}/${id}/snapshot.json`, 'utf8')) as { state: string }).state, 'active');
  assert.match(await server.inside('ip', '-o', 'link', 'show', `w-${id}-0`), /mtu 1400 .*state UP/);
});

test('a job has the status, the outputs and the limits that were asked for', async () => {
  const { handle } = await client.create();
  assert.equal(await sh(handle, 'echo out; echo err >&2; exit 7'), [7, 'out\n', 'err\n']);
  assert.equal(await sh(handle, 'kill -9 $$'), [255, '', '']);
  assert.equal(await sh(handle, 'ulimit -n', { rlimits: { nofile: 100 } }), [0, '100\n', '']);
  assert.equal(await sh(handle, 'id -u', { privileged: true }), [0, '0\n', '']);
  assert.equal(await sh(handle, 'cat', {}), [0, '', '']);
  assert.equal(await sh(handle, 'cat\nthe rest'), [0, 'the rest', ''], 'the script is the shell\'s stdin');
  assert.equal(await sh(handle, `# ${'x'.repeat(300_000)}\necho long`), [0, 'long\n', '']);
  assert.equal(await sh(handle, 'echo gone', { discardOutput: true }), [0, '', '']);
});

test('stop: the job keeps its own status; what needs an active container is refused', async () => {
  const { handle } = await client.create();
  const { jobId } = await client.spawn({ handle, script: 'trap "exit 37" TERM; echo up; while :; do sleep 0.1; done' });
  const other = await server.connect();
  for await (const _ of other.stream({ handle, jobId })) break;
  await client.stop({ handle });
  assert.is((await client.link({ handle, jobId })).exitStatus, 37);
  const refusedRun = client.run({ handle, script: 'true' });
  await refusedRun.then(() => assert.unreachable(), refused('Container state must be one of \'active\', current state is \'stopped\''));
  assert.is((await client.info({ handle })).state, 'stopped');
});

test('bind mounts are read-only or not, and do not show on the host', async () => {
  mkdirSync(`${server.path}/shared`, { recursive: true });
  const srcPath = `${server.path}/shared`, mounts = [{ srcPath, dstPath: '/tmp/ro', mode: 0 }, { srcPath, dstPath: '/tmp/rw', mode: 1 }];
  const { handle } = await client.create({ bindMounts: mounts });
  const [status, , stderr] = await sh(handle, 'touch /tmp/rw/made && touch /tmp/ro/not', { privileged: true });
  assert.is(status, 1);
  assert.match(stderr, /Read-only file system/);
  assert.ok(statSync(`${server.path}/shared/made`).isFile());
  assert.not.match(readFileSync('/proc/self/mountinfo', 'utf8'), new RegExp(server.path));
});

test('what a container writes stays in its layer', async () => {
  const { handle } = await client.create();
  assert.equal(await sh(handle, 'echo mine > /etc/mine; rm /bin/seq; cat /etc/mine', { privileged: true }), [0, 'mine\n', '']);
  assert.ok(statSync(`${server.path}/rootfs/bin/seq`).isFile());
  const { handle: other } = await client.create();
  assert.equal(await sh(other, 'cat /etc/mine; seq 1'), [0, '1\n', 'cat: /etc/mine: No such file or directory\n']);
});

test('files are copied in and out: names with blanks, permissions, links', async () => {
  const { handle } = await client.create(), from = `${server.path}/from dir`;
  mkdirSync(`${from}/a b`, { recursive: true });
  writeFileSync(`${from}/a b/f  'x`, 'hello', { mode: 0o755 });
  await client.copyIn({ handle, srcPath: from, dstPath: '/tmp' });
  const look = 'stat -c "%a %U %n" "/tmp/from dir/a b/f  \'x"; ln -s f "/tmp/from dir/link"';
  assert.equal(await sh(handle, look), [0, '755 vcap /tmp/from dir/a b/f  \'x\n', '']);
  mkdirSync(`${server.path}/to`, { recursive: true });
  await client.copyOut({ handle, srcPath: '/tmp/from dir/', dstPath: `${server.path}/to`, owner: '12345' });
  assert.equal(readFileSync(`${server.path}/to/a b/f  'x`, 'utf8'), 'hello');
  assert.is(statSync(`${server.path}/to/a b`).uid, 12_345);
  const copy = client.copyIn({ handle, srcPath: '/nonexistent', dstPath: '/tmp' });
  await copy.then(() => assert.unreachable(), refused('command exited with failure'));
});

test('limits are the kernel\'s, and a lack of memory is an event', async () => {
  const { handle } = await client.create();
  assert.is((await client.limitMemory({ handle })).limitInBytes, 9_223_372_036_854_771_712n);
  assert.is((await client.limitMemory({ handle, limitInBytes: (32 << 20) + 1 })).limitInBytes, BigInt(32 << 20));
  assert.is((await client.limitCpu({ handle })).limitInShares, 1024n);
  assert.is((await client.limitCpu({ handle, limitInShares: 1 })).limitInShares, 2n);
  await client.run({ handle, script: 'head -c 60000000 /dev/zero | tail -c 50000000 | wc -c; sleep 60' });
  const { state, events } = await client.info({ handle });
  assert.equal([state, events], ['stopped', ['out of memory']]);
});

test('the output limit ends the job and all that served it', async () => {
  const { handle } = await client.create(), id = text(handle);
  const { exitStatus, stdout, stderr, info } = await client.run({ handle, script: 'yes; true' });
  assert.is(exitStatus, 255);
  assert.ok(stdout.length + stderr.length > 102_400 && stdout.length + stderr.length <= 102_400 + 65_536);
  assert.equal(info!.events, ['command exceeded maximum output']);
  const ofContainer = (pid: number): boolean => ifReadable(() => readlinkSync(`/proc/${pid}/cwd`))?.includes(id) === true;
  await until(() => !processesWith('iomux-spawn').some(ofContainer), 'no iomux-spawn is left');
});

test('bandwidth: both ways have a bucket filter, a new limit replaces the old one', async () => {
  const { handle } = await client.create(), id = text(handle);
  for (const rate of [100_000, 200_000]) {
    const answer = await client.limitBandwidth({ handle, rate, burst: 10_000 });
    assert.equal([answer.rate, answer.burst], [BigInt(rate), 10_000n]);
    for (const name of [`w-${id}-0`, `w-${id}-2`]) {
      assert.match(await server.inside('tc', 'qdisc', 'show', 'dev', name), new RegExp(`tbf .*rate ${rate * 8 / 1000}Kbit`));
    }
  }
  const { bandwidthStat } = await client.info({ handle });
  assert.equal([bandwidthStat!.inRate, bandwidthStat!.outBurst], [200_000n, 10_000n]);
});

/** A TCP server that answers with its peer's address. */
async function listen(enter: readonly string[], port: number): Promise<ChildProcess> {
  const script = `require('net').createServer((s) => s.end(s.remoteAddress)).listen(${port}, '0.0.0.0', () => console.log('up'))`;
  const child = spawn(enter[0]!, [...enter.slice(1), process.execPath, '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  return child;
}

const dial = (address: string, port: number): string => `timeout 1 bash -c 'exec 3<>/dev/tcp/${address}/${port}; cat <&3' 2>/dev/null || echo no`;

test('a container reaches what was allowed, and not the host', async () => {
  const { handle } = await client.create(), { hostIp } = await client.info({ handle });
  const listeners = [await listen(server.enter.outside, 7000), await listen(server.enter.server, 7000)];
  try {
    assert.equal((await sh(handle, dial('192.0.2.254', 7000)))[1], 'no\n', 'before it was allowed');
    await client.netOut({ handle, network: '192.0.2.254', port: 7000 });
    assert.equal((await sh(handle, dial('192.0.2.254', 7000)))[1], '192.0.2.1', 'by the address of the host');
    for (const address of [hostIp, '192.0.2.1']) assert.equal((await sh(handle, dial(address, 7000)))[1], 'no\n', address);
  } finally {
    for (const listener of listeners) listener.kill('SIGKILL');
  }
});

test('a forwarded port leads from outside to the container, and the host reaches every port of it', async () => {
  const usr = { srcPath: '/usr', dstPath: '/usr', mode: 0 };
  const { handle } = await client.create({ bindMounts: [usr] });
  assert.equal(Object.values(await client.netIn({ handle })).slice(-2), [61_001, 61_001]);
  const both = await client.netIn({ handle, hostPort: 8082, containerPort: 8083 });
  assert.equal([both.hostPort, both.containerPort], [8082, 8083]);
  const serve = 'import socket; s = socket.create_server(("0.0.0.0", 8083)); print("up", flush=True)\nfor i in 1, 2:\n  c, a = s.accept(); c.sendall(b"hello"); c.close()';
  const { jobId } = await client.spawn({ handle, script: `python3 -c '${serve}'` });
  const other = await server.connect();
  for await (const _ of other.stream({ handle, jobId })) break;
  const read = async (enter: readonly string[], place: string): Promise<string> => (
    (await run([...enter, 'timeout', '5', 'bash', '-c', `exec 3<>/dev/tcp/${place}; cat <&3`])).stdout.toString()
  );
  assert.is(await read(server.enter.outside, '192.0.2.1/8082'), 'hello');
  assert.is(await read(server.enter.server, `${(await client.info({ handle })).containerIp}/8083`), 'hello');
});

test('rules of NetOut are those of the original, and stand before earlier ones', async () => {
  const { handle } = await client.create(), id = text(handle);
  await client.netOut({ handle, network: '198.51.100.0/24', port: 443, protocol: 0 });
  await client.netOut({ handle, network: '198.51.100.80', protocol: 2, icmpType: 8, icmpCode: -1 });
  await client.netOut({ handle, network: '198.51.100.1-198.51.100.9', portRange: '80:90', protocol: 1, log: true });
  const rules = (await server.inside('iptables-save')).split('\n').filter((line) => line.startsWith(`-A warden-i-${id} `));
  assert.equal(rules.slice(0, 4), [
    `-A warden-i-${id} -p udp -m iprange --dst-range 198.51.100.1-198.51.100.9 -m udp --dport 80:90 -g warden-i-${id}-log`,
    `-A warden-i-${id} -d 198.51.100.80/32 -p icmp -m icmp --icmp-type 8 -j RETURN`,
    `-A warden-i-${id} -d 198.51.100.0/24 -p tcp -m tcp --dport 443 -j RETURN`,
    `-A warden-i-${id} -g warden-default`,
  ]);
  const port = client.netOut({ handle, network: '198.51.100.80', protocol: 2, port: 7 }), range = client.netOut({ handle, portRange: '9:9' });
  await port.then(() => assert.unreachable(), refused('command exited with failure'));
  await range.then(() => assert.unreachable(), refused('Port range maximum must be greater than minimum'));
});

linux.run();
