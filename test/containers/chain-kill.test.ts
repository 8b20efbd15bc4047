/** SIGKILL for each program of the chain, at each stage of a job: what remains ends cleanly or goes on. */
import { readFileSync, writeFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { assertSame, pattern } from '../support/bytes.js';
import { noContainers, startContainer, type TestContainer } from '../support/container.js';
import { DEADLINE_MS, holds, isActive, type Job, type Running, startLink, stopAll } from '../support/iomux.js';
import { isAlive, openFiles, processesWith, until } from '../support/process.js';
import { unless } from '../support/skip.js';
import { inside, startInside } from './chain.js';

const chain = suite('the chain when one of its programs is killed');
const test = unless(noContainers, chain);

type Victim = 'wshd' | 'wsh' | 'iomux-spawn' | 'iomux-link' | 'the command';

interface Chain { container: TestContainer; job: Job; link: Running; other: Running; command: number; mark: string }

let current: TestContainer | undefined;
let serial = 0;

/** A container that is still alive, with the pattern in it. */
async function alive(): Promise<TestContainer> {
  if (current && isAlive(current.pid)) return current;
  await current?.destroy();
  current = await startContainer();
  writeFileSync(`${current.path}/root/tmp/pattern`, pattern(1 << 20));
  return current;
}

chain.after.each(stopAll);
chain.after(async () => current?.destroy());

/** A job with two links, once its command runs; the mark tells its processes from all others. */
async function startChain(script: string): Promise<Chain> {
  const here = await alive(), mark = `mark-${process.pid}-${++serial}`;
  const job = await startInside(here, `: ${mark}; ${script}`);
  const link = startLink(job.directory), other = startLink(job.directory);
  await holds(job, 6);
  await until(() => inside(here, mark) !== undefined, 'the command runs', DEADLINE_MS);
  return { container: here, job, link, other, command: inside(here, mark)!, mark };
}

function kill(victim: Victim, it: Chain): void {
  if (victim === 'wshd') process.kill(it.container.pid, 'SIGKILL');
  else if (victim === 'wsh') process.kill(it.job.childPid, 'SIGKILL');
  else if (victim === 'iomux-spawn') it.job.process.kill('SIGKILL');
  else if (victim === 'iomux-link') it.link.process.kill('SIGKILL');
  else process.kill(it.command, 'SIGKILL');
}

/** No process of the job's, no connection of it; the container serves on, unless it is what was killed. */
async function leavesNothing({ container, mark, job }: Chain, victim: Victim): Promise<void> {
  await until(() => processesWith(mark).length === 0, `the processes of the job are gone: ${processesWith(mark).join()}`, DEADLINE_MS);
  // A process that ends loses its command line first, and then its sockets.
  await until(() => !readFileSync('/proc/net/unix', 'utf8').includes(`${job.directory}/`), 'no connection of the job is left');
  if (victim === 'wshd') {
    await until(() => !isAlive(container.pid), 'wshd is gone');
    assert.not.match(readFileSync('/proc/self/mountinfo', 'utf8'), container.path);
  } else {
    assert.is((await container.wsh(['true'])).code, 0);
  }
}

/** How each of the two links ends when a program is killed under a command that lives until its stdin or stdout ends. */
const TOLD: Record<Victim, RegExp> = {
  'wshd': /^wsh: the command was killed by signal 9 \(SIGKILL\)\n$|^wsh: the command was killed\n$/,
  'wsh': /^iomux-link: the job was killed by signal 9 \(SIGKILL\)\n$/,
  'iomux-spawn': /^iomux-link: the job's exit status never came/,
  'the command': /^wsh: the command was killed by signal 9 \(SIGKILL\)\n$/,
  'iomux-link': /^$/,
};
const ALL: Victim[] = ['wsh', 'iomux-spawn', 'iomux-link', 'the command', 'wshd'];

async function endsEverywhere(it: Chain, victim: Victim): Promise<void> {
  for (const link of victim === 'iomux-link' ? [it.other] : [it.link, it.other]) {
    const ended = await link.ended;
    assert.is(ended.code, victim === 'iomux-link' ? 44 : 255, victim);
    assert.match(ended.stderr, TOLD[victim]);
  }
  const job = await it.job.ended;
  assert.equal([job.code, job.signal], victim === 'iomux-spawn' ? [null, 'SIGKILL'] : [0, null]);
}

for (const victim of ALL) {
  test(`${victim}, while the command waits`, async () => {
    const it = await startChain('echo waits; read x; exit 44');
    await until(() => it.link.output().toString() + it.other.output().toString() === 'waits\nwaits\n', 'both links hear it', DEADLINE_MS);
    kill(victim, it);
    if (victim === 'iomux-link') {
      await it.link.ended;
      // Whoever comes again finds the job as it was.
      const again = startLink(it.job.directory);
      await until(() => again.output().toString() === 'waits\n', 'a new link hears it', DEADLINE_MS);
      it.job.process.stdin!.write('\n');
      assert.is((await again.ended).code, 44);
    }
    await endsEverywhere(it, victim);
    await leavesNothing(it, victim);
  });

  test(`${victim}, while the command writes`, async () => {
    const lines = 20_000;
    // A line on its stdin, or the end of it, ends it. What a shell puts into the background has another stdin.
    const it = await startChain(`read go; trap 'exit 44' TERM; exec 3<&0; (read x <&3; kill $$) & i=0; while :; do printf '%015d\\n' $i; i=$((i+1)); [ $i -lt ${lines} ] || i=0; done`);
    // A link that came when it already writes would find the first bytes gone.
    await holds(it.job, 6);
    it.job.process.stdin!.write('\n');
    await until(() => it.link.output().length > 50_000 && it.other.output().length > 50_000, 'it flows', DEADLINE_MS);
    kill(victim, it);
    const before = it.other.output().length;
    if (victim === 'iomux-link') {
      await until(() => it.other.output().length > before + 500_000, 'the other link hears on', DEADLINE_MS);
      it.job.process.stdin!.write('\n');
    }
    await endsEverywhere(it, victim);
    for (const link of [it.link, it.other]) {
      const bytes = (await link.ended).stdout, round = pattern(lines * 16);
      for (let at = 0; at < bytes.length; at += round.length) {
        const piece = bytes.subarray(at, at + round.length);
        assertSame(piece, round.subarray(0, piece.length), `what came from ${at} on`);
      }
    }
    await leavesNothing(it, victim);
  });

  // The command itself is over by then.
  if (victim === 'the command') continue;
  test(`${victim}, while what the command left is delivered`, async () => {
    const size = 600_000;
    const it = await startChain(`read x; head -c ${size} /tmp/pattern; exit 44`);
    it.link.process.kill('SIGSTOP');
    it.job.process.stdin!.write('write\n');
    await until(() => !isAlive(it.command), 'the command has ended', DEADLINE_MS);
    // Of a job wshd has one pipe, for its status.
    await until(() => !openFiles(it.container.pid).some((name) => name.startsWith('pipe:')), 'wshd has told the status', DEADLINE_MS);
    assert.ok(isAlive(it.job.childPid), 'wsh still has some of it');
    kill(victim, it);
    if (victim !== 'iomux-link') it.link.process.kill('SIGCONT');
    const ended = [await it.link.ended, await it.other.ended], codes = ended.map(({ code }) => code);
    // Who had a part in the delivery leaves the links with what they have; wshd had its part before.
    if (victim === 'wshd') assert.equal(codes, [44, 44]);
    else if (victim === 'iomux-link') assert.equal(codes, [null, 44]);
    else assert.equal(codes, [255, 255]);
    for (const { code, stdout } of ended) {
      if (code === 44) assertSame(stdout, pattern(size), 'all of it');
      else assertSame(stdout, pattern(stdout.length), 'what came');
    }
    await it.job.ended;
    await leavesNothing(it, victim);
  });
}

for (const victim of ['wsh', 'iomux-spawn', 'wshd'] as const) {
  test(`${victim}, before a link has come`, async () => {
    const container = await alive(), mark = `mark-${process.pid}-${++serial}`;
    const job = await startInside(container, `: ${mark}; exit 44`);
    assert.not(isActive(job));
    const it = { container, job, mark, command: 0, link: undefined as unknown as Running, other: undefined as unknown as Running };
    kill(victim, it);
    if (victim === 'wsh') assert.is((await job.ended).code, 1);
    if (victim === 'iomux-spawn') await until(() => !isAlive(job.childPid), 'the child is gone', DEADLINE_MS);
    if (victim === 'wshd') await until(() => !isAlive(container.pid), 'wshd is gone', DEADLINE_MS);
    const link = await startLink(job.directory).ended;
    assert.is(link.code, 255);
    assert.match(link.stderr, { 'wsh': /no such file or directory/, 'iomux-spawn': /connection refused/, 'wshd': /^wsh: cannot connect to .*connection refused/ }[victim]);
    await job.ended;
    await leavesNothing(it, victim);
  });
}

test('wshd, with ten jobs: each ends with 255 everywhere', async () => {
  const chains = [];
  for (let i = 0; i < 10; i++) chains.push(await startChain('echo runs; read x'));
  for (const { link, other } of chains) await until(() => link.output().length > 0 && other.output().length > 0, 'it runs', DEADLINE_MS);
  kill('wshd', chains[0]!);
  for (const it of chains) {
    await endsEverywhere(it, 'wshd');
    await leavesNothing(it, 'wshd');
  }
});

chain.run();
