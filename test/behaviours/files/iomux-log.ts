/** Files that iomux-spawn writes: the log, and how its command ended. docs/reference/iomux-spawn.md */
import * as assert from 'uvu/assert';
import { assertPattern, assertStream, connectAll, has, startJob, statusOf } from '../jobs.js';
import { Behaviours, runToEnd, type World } from '../world.js';

export const behaviours = new Behaviours('iomux-spawn');
const { add } = { add: behaviours.add.bind(behaviours) };

const SIGHUP = 1;

const text = (world: World, path: string): string => Buffer.from(world.read(path) ?? '').toString();

/** The streams in a text of a log, and whether each record is well formed. */
function streamsOf(records: string): [stdout: string, stderr: string] {
  const streams: [string, string] = ['', ''];
  for (const line of records.split('\n').slice(0, -1)) {
    const [, stream, tag, rest] = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}\+00:00 (stdout|stderr) ([FP]) (.*)$/s.exec(line) ?? [];
    assert.ok(stream, line);
    streams[stream === 'stdout' ? 0 : 1] += tag === 'F' ? `${rest}\n` : rest;
  }
  return streams;
}

add('writes the output to a log, with times, also when no link reads it', async (world) => {
  const log = `${world.directory()}/log`;
  const job = await startJob(world, 'say 1 one; say 2 two; say 1 three; exit 0', '--log', log), link = await connectAll(world, job);
  await statusOf(world, link.status);
  assert.equal(streamsOf(text(world, log)), ['one\nthree\n', 'two\n']);
});

add('a log has all bytes across the end of the ring, and no byte twice', async (world) => {
  const log = `${world.directory()}/log`, job = await startJob(world, 'write 1 100000 1000; exit 0', '--ring', '4K', '--log', log);
  const link = await connectAll(world, job);
  await assertStream(world, link.stdout, 1, 100_000);
  assertPattern(1, 0, Buffer.from(streamsOf(Buffer.from(world.read(log)!).toString('latin1'))[0], 'latin1'), 100_000, 'the log');
});

add('renames a log that is full, and keeps so many older ones', async (world) => {
  const directory = world.directory(), log = `${directory}/log`;
  const job = await startJob(world, 'repeat 20 { say 1 a-line }; exit 0', '--log', log, '--log-size-max', '120', '--log-max-files', '2');
  await statusOf(world, (await connectAll(world, job)).status);
  assert.equal(world.list(directory).sort(), ['log', 'log.1', 'log.2']);
  for (const name of ['log', 'log.1', 'log.2']) assert.is(streamsOf(text(world, `${directory}/${name}`))[0], 'a-line\na-line\n', name);
});

add('gives a record that is larger than a log may be a file of its own, also when more follow at once', async (world) => {
  const directory = world.directory(), log = `${directory}/log`;
  const job = await startJob(world, 'write 1 3000 3000; exit 0', '--log', log, '--log-size-max', '400', '--log-max-files', '9');
  await statusOf(world, (await connectAll(world, job)).status);
  const ages = world.list(directory).map((name) => Number(name.split('.')[1] ?? 0)).sort((a, b) => b - a);
  const files = ages.map((age) => Buffer.from(world.read(age === 0 ? log : `${log}.${age}`)!).toString('latin1'));
  for (const file of files) assert.ok(file.length <= 400 || file.indexOf('\n') === file.length - 1, `${file.length} bytes, with more than one record`);
  assertPattern(1, 0, Buffer.from(streamsOf(files.join(''))[0], 'latin1'), 3_000, 'the logs');
});

add('opens a log again at SIGHUP, which ends a job without one', async (world) => {
  const directory = world.directory(), log = `${directory}/log`;
  const job = await startJob(world, 'say 1 one; read 2; say 1 two; exit 3', '--log', log), link = await connectAll(world, job);
  await has(world, link.stdout, 4);
  world.remove(log);
  job.spawn.kill(SIGHUP);
  await world.until(() => world.read(log) !== undefined, 'the log is there again');
  job.spawn.stdin.write('go');
  assert.equal(await statusOf(world, link.status), [0, 0, 3, 0]);
  assert.equal(streamsOf(text(world, log)), ['two\n', '']);
});

for (const [how, status] of [['exit 7', 7 << 8], ['die 9', 9]] as const) {
  add(`writes time and status of the command's end to a file: ${how}`, async (world) => {
    const file = `${world.directory()}/exit`, job = await startJob(world, how, '--exit-file', file), link = await connectAll(world, job);
    await statusOf(world, link.status);
    assert.match(text(world, file), new RegExp(`^\\d{4}-\\d\\d-\\d\\dT\\S+\\+00:00 ${status}\\n$`));
  });
}

add('a log that cannot be opened is an error before anything is started', async (world) => {
  const here = world.directory(), { code, stdout, stderr } = await runToEnd(world, 'iomux-spawn', ['--log', `${here}/no/log`, here, ...world.script('exit 0')]);
  assert.equal([code, stdout], [1, '']);
  assert.match(stderr, 'iomux-spawn: cannot open the log');
  assert.equal(world.list(here), []);
});
