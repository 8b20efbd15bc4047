/** Spawn, Link, Run, Stream */
import { isFieldSet } from '@bufbuild/protobuf';
import { ResourceLimitsSchema, type ResourceLimits, RunRequestSchema, SpawnRequestSchema } from '#warden-proto';
import type { LimitName } from '../../index.js';
import { type RequestOf, type ResponseInit, streamFrame } from '../../proto/message.js';
import { OUTPUT_EXCEEDED, type ServedContainer } from '../container/container.js';
import type { ServedJob } from '../job/job.js';
import { containerFor, type Context } from './context.js';

export async function spawn(request: RequestOf<'Spawn'>, context: Context): Promise<ResponseInit<'Spawn'>> {
  const container = containerFor(context, request.handle, 'active'), { id } = await start(request, container, context);
  container.save();
  return { jobId: id };
}

function limitsOf(limits: ResourceLimits | undefined): Partial<Record<LimitName, number>> {
  if (!limits) return {};
  const set = ResourceLimitsSchema.fields.filter((field) => isFieldSet(limits, field));
  return Object.fromEntries(set.map((field) => [field.name.toUpperCase(), Number(limits[field.localName as 'as'])]));
}

function start(request: RequestOf<'Spawn'> | RequestOf<'Run'>, container: ServedContainer, { server }: Context): Promise<ServedJob> {
  const schema = request.$typeName === 'warden.RunRequest' ? RunRequestSchema : SpawnRequestSchema;
  return container.spawn(server.nextJobId(), {
    script: Buffer.from(request.script), privileged: request.privileged,
    limits: { ...server.config.server.rlimits, ...limitsOf(request.rlimits) },
  }, { discard: request.discardOutput, logTag: isFieldSet(request, schema.field.logTag) ? request.logTag : undefined });
}

export function link(request: RequestOf<'Link'>, context: Context): Promise<ResponseInit<'Link'>> {
  const container = containerFor(context, request.handle);
  return result(container, container.job(request.jobId), context);
}

export async function run(request: RequestOf<'Run'>, context: Context): Promise<ResponseInit<'Run'>> {
  const container = containerFor(context, request.handle, 'active');
  return result(container, await start(request, container, context), context);
}

/** Of a container that is destroyed meanwhile, the info that was taken then. */
async function infoOf(container: ServedContainer): Promise<ResponseInit<'Info'>> { return container.lastInfo ?? container.info(); }

/** What Link and Run answer. */
interface Result { exitStatus: number; stdout: Buffer; stderr: Buffer; info: ResponseInit<'Info'> }

async function result(container: ServedContainer, job: ServedJob, { connection }: Context): Promise<Result> {
  const { exitStatus, stdout, stderr } = await job.collect(connection.signal);
  if (job.exceeded) container.addEvent(OUTPUT_EXCEEDED);
  const info = await infoOf(container);
  connection.signal.throwIfAborted();
  // After the answer: a server that is killed before has the output still.
  setImmediate(() => container.forget(job));
  return { exitStatus, stdout, stderr, info };
}

export async function stream(request: RequestOf<'Stream'>, context: Context): Promise<ResponseInit<'Stream'>> {
  const container = containerFor(context, request.handle), job = container.job(request.jobId), { connection } = context;
  const info = await infoOf(container);
  const exitStatus = await job.stream(connection.signal, (pieces) => (
    connection.send(pieces.flatMap(({ name, data }) => streamFrame(name, data)))
  ));
  setImmediate(() => container.forget(job));
  return { exitStatus, info };
}
