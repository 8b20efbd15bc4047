/** SIGKILL at random moments of a mixed load: nothing that was answered is lost, and nothing is left behind. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Client } from '../../src/client/index.js';
import { unless } from '../support/skip.js';
import { noServer, type RealServer, remains, startReal } from './support/real.js';

const ROUNDS = Number(process.env['WARDEN_KILLS'] ?? 12);
const CLIENTS = 4;

const kill = suite('server kill');
const test = unless(noServer, kill);

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

/** Small numbers from a seed, so that a round can be run again. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return state / 2 ** 32;
  };
}

/** What was answered, and not asked to end since. */
interface Known { readonly containers: Map<string, Map<number, string>> }

interface Loaded { readonly client: Client; readonly known: Known; readonly mine: string[]; chance(): number }

/** What the load does, each act by its share: the number below which the dice must fall. */
const acts: readonly (readonly [below: number, act: (load: Loaded, handle: string, turn: number) => Promise<unknown>])[] = [
  [0.5, async ({ client, known, chance }, handle, turn) => {
    const word = `${handle}-${turn}`, jobs = known.containers.get(handle)!;
    const { jobId } = await client.spawn({ handle, script: `echo ${word}; sleep 0.${Math.floor(chance() * 9)}; echo end; exit 3` });
    jobs.set(jobId, `${word}\nend\n`);
  }],
  [0.7, async ({ client }, handle) => {
    const { exitStatus, stdout } = await client.run({ handle, script: 'echo ran; exit 4' });
    assert.equal([exitStatus, text(stdout)], [4, 'ran\n']);
  }],
  [0.8, async ({ client, known }, handle) => {
    const [jobId, output] = [...known.containers.get(handle)!][0] ?? [];
    if (jobId === undefined) return;
    known.containers.get(handle)!.delete(jobId);
    assert.is(text((await client.link({ handle, jobId })).stdout), output);
  }],
  [0.85, ({ client }, handle) => client.netIn({ handle })],
  [0.9, ({ client }, handle) => client.limitMemory({ handle, limitInBytes: 64 << 20 })],
  [0.95, async ({ client, known, mine }, handle) => {
    mine.splice(mine.indexOf(handle), 1);
    known.containers.delete(handle);
    await client.destroy({ handle });
  }],
  [1, ({ client }, handle) => client.info({ handle })],
];

async function load(client: Client, known: Known, chance: () => number): Promise<void> {
  const mine: string[] = [], loaded = { client, known, mine, chance };
  for (let turn = 0; ; turn++) {
    const handle = mine[Math.floor(chance() * mine.length)], dice = chance();
    if (handle === undefined || (dice < 0.15 && mine.length < 3)) {
      const made = text((await client.create()).handle);
      mine.push(made);
      known.containers.set(made, new Map());
    } else {
      await acts.find(([below]) => dice < below)![1](loaded, handle, turn);
    }
  }
}

/** Ends when the server is killed; a wrong answer is kept, and fails the test. */
async function loadUntilKilled(server: RealServer, known: Known, chance: () => number, wrong: unknown[]): Promise<void> {
  const client = await server.connect();
  try {
    await load(client, known, chance);
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'ENDED') wrong.push(error);
  }
}

test(`SIGKILL at ${ROUNDS} moments loses no answered container, job or byte, and leaves nothing`, async () => {
  const server = await startReal();
  const seed = Date.now() >>> 0, chance = random(seed);
  console.log(`  seed ${seed}`);
  try {
    for (let round = 0; round < ROUNDS; round++) {
      const known: Known = { containers: new Map() }, wrong: unknown[] = [];
      const loads = Array.from({ length: CLIENTS }, () => loadUntilKilled(server, known, random(Math.floor(chance() * 2 ** 32)), wrong));
      await new Promise((resolve) => { setTimeout(resolve, 100 + chance() * 1_500); });
      await server.end('SIGKILL');
      await Promise.all(loads);
      assert.equal(wrong, []);
      await server.start();
      const client = await server.connect(), there = new Set((await client.list()).handles.map(text));
      for (const [handle, jobs] of known.containers) {
        assert.ok(there.has(handle), `round ${round}: ${handle} is there`);
        for (const [jobId, output] of jobs) {
          const { exitStatus, stdout } = await client.link({ handle, jobId });
          assert.equal([exitStatus, text(stdout)], [3, output], `round ${round}: job ${jobId} of ${handle}`);
        }
      }
      for (const handle of there) await client.destroy({ handle });
      await client.close();
      assert.equal(await remains(server), [], `round ${round}`);
    }
  } finally {
    await server.close();
  }
});

kill.run();
