/** Clients in any order against the state machine of containers, jobs and references: a model says what each answer must be. */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Client, connect } from '../../src/client/index.js';
import { type FakeServer, startFake } from './support/fake.js';

const swarm = suite('server swarm');

interface ModelJob { readonly script: 'wait' | 'now'; ended: boolean }
interface ModelContainer { state: 'active' | 'stopped'; readonly jobs: Map<number, ModelJob>; readonly uid: number }
interface Model { readonly containers: Map<string, ModelContainer>; lastJob: number; clients: number }
interface Real { readonly fake: FakeServer; readonly clients: Client[] }

const HANDLES = ['a', 'b', 'c'];

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

/** The error's sentence, or undefined where there was none. */
async function refusal(answer: Promise<unknown>): Promise<string | undefined> {
  return answer.then(() => undefined, (error: unknown) => (error as Error).message);
}

const notActive = (container: ModelContainer | undefined): string | undefined => {
  if (!container) return 'unknown handle';
  return container.state === 'active' ? undefined : 'Container state must be one of \'active\', current state is \'stopped\'';
};

type Act = (model: Model, real: Real, client: Client) => Promise<void>;

class Step implements fc.AsyncCommand<Model, Real> {
  constructor(private readonly name: string, private readonly of: number, private readonly act: Act) {}

  check(): boolean { return true; }
  async run(model: Model, real: Real): Promise<void> { await this.act(model, real, real.clients[this.of % real.clients.length]!); }
  toString(): string { return `${this.name} by client ${this.of}`; }
}

const create = (handle: string): Act => async (model, { fake }, client) => {
  const refused = await refusal(client.create({ handle }));
  if (model.containers.has(handle)) return assert.is(refused, `container with handle: ${handle} already exists.`);
  assert.is(refused, undefined);
  model.containers.set(handle, { state: 'active', jobs: new Map(), uid: fake.server.container(handle)!.resources.uid });
};

const spawn = (handle: string, script: ModelJob['script']): Act => async (model, _, client) => {
  const container = model.containers.get(handle), want = notActive(container);
  if (want !== undefined) return assert.is(await refusal(client.spawn({ handle, script: 'exit 0' })), want);
  const { jobId } = await client.spawn({ handle, script: script === 'wait' ? 'out x\nwait' : 'out x\nexit 3' });
  assert.ok(jobId > model.lastJob, 'ids rise over the whole server');
  model.lastJob = jobId;
  container!.jobs.set(jobId, { script, ended: false });
};

const link = (handle: string, nth: number): Act => async (model, _, client) => {
  const container = model.containers.get(handle);
  if (!container) return assert.is(await refusal(client.link({ handle, jobId: 1 })), 'unknown handle');
  const [jobId, job] = [...container.jobs][nth] ?? [];
  if (!job || jobId === undefined) return assert.is(await refusal(client.link({ handle, jobId: 100_000 })), 'no such job');
  // One that waits would keep the client.
  if (job.script === 'wait' && container.state === 'active') return;
  const { exitStatus, stdout, info } = await client.link({ handle, jobId });
  // A job may be killed before its script ends.
  if (job.script === 'wait' || exitStatus !== 3) assert.is(exitStatus, 255);
  assert.is(info?.state, container.state);
  if (exitStatus === 3) assert.is(text(stdout), 'x');
  container.jobs.delete(jobId);
  assert.is(await refusal(client.link({ handle, jobId })), 'no such job');
};

const stop = (handle: string): Act => async (model, _, client) => {
  const container = model.containers.get(handle);
  assert.is(await refusal(client.stop({ handle })), container ? undefined : 'unknown handle');
  if (container) container.state = 'stopped';
};

const destroy = (handle: string): Act => async (model, { fake }, client) => {
  assert.is(await refusal(client.destroy({ handle })), model.containers.delete(handle) ? undefined : 'unknown handle');
  fake.clock.nowMs += 5_000;
};

const info = (handle: string): Act => async (model, _, client) => {
  const container = model.containers.get(handle);
  if (!container) return assert.is(await refusal(client.info({ handle })), 'unknown handle');
  const { state, jobIds } = await client.info({ handle });
  assert.is(state, container.state);
  assert.ok(jobIds.every((id) => container.jobs.has(Number(id))));
  if (state === 'stopped') assert.equal(jobIds, []);
};

const netIn = (handle: string): Act => async (model, _, client) => {
  assert.is(await refusal(client.netIn({ handle })), notActive(model.containers.get(handle)));
};

const reconnect: Act = async (_, real, client) => {
  const at = real.clients.indexOf(client);
  real.clients[at] = await connect(real.fake.socketPath);
  await client.close();
};

/** What must hold after every step, whatever it was. */
async function invariants({ containers }: Model, { fake, clients }: Real): Promise<void> {
  assert.equal((await clients[0]!.list()).handles.map(text), [...containers.keys()], 'in the order of creation');
  const { server, backends } = fake, held = containers.size;
  assert.is(server.pools.uids.free, 256 - held);
  assert.is(server.pools.networks.free, 256 - held);
  assert.is(server.pools.ports.free, 4000 - server.containers.reduce((sum, { resources }) => sum + resources.ports.length, 0));
  assert.is(new Set([...containers.values()].map(({ uid }) => uid)).size, held, 'no two have one uid');
  assert.is(backends.filter(({ exists }) => exists).length, held, 'nothing else is on the machine');
}

class Checked implements fc.AsyncCommand<Model, Real> {
  constructor(private readonly step: Step) {}

  check(): boolean { return true; }
  async run(model: Model, real: Real): Promise<void> {
    await this.step.run(model, real);
    await invariants(model, real);
  }
  toString(): string { return this.step.toString(); }
}

const handles = fc.constantFrom(...HANDLES), clients = fc.nat(2);
const step = (name: string, acts: fc.Arbitrary<[string, Act]>): fc.Arbitrary<Checked> => (
  fc.tuple(acts, clients).map(([[detail, act], of]) => new Checked(new Step(`${name} ${detail}`, of, act)))
);
const onHandle = (name: string, act: (handle: string) => Act): fc.Arbitrary<Checked> => (
  step(name, handles.map((handle) => [handle, act(handle)]))
);

const steps = [
  onHandle('create', create), onHandle('stop', stop), onHandle('destroy', destroy), onHandle('info', info), onHandle('netIn', netIn),
  step('spawn', fc.tuple(handles, fc.constantFrom('wait' as const, 'now' as const)).map(([handle, script]) => [`${handle} ${script}`, spawn(handle, script)])),
  step('link', fc.tuple(handles, fc.nat(2)).map(([handle, nth]) => [`${handle} ${nth}`, link(handle, nth)])),
  step('reconnect', fc.constant(['', reconnect])),
];

swarm('whatever clients do in whatever order, each answer is the model\'s', async () => {
  await fc.assert(fc.asyncProperty(fc.commands(steps, { maxCommands: 40 }), async (commands) => {
    const fake = await startFake(), real: Real = { fake, clients: [] };
    for (let count = 0; count < 3; count++) real.clients.push(await connect(fake.socketPath));
    try {
      await fc.asyncModelRun(() => ({ model: { containers: new Map(), lastJob: 0, clients: 3 }, real }), commands);
    } finally {
      for (const client of real.clients) await client.close();
      await fake.close();
    }
  }), { numRuns: 150 });
});

swarm.run();
