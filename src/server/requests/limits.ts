/** LimitMemory, LimitCpu, LimitBandwidth, LimitDisk */
import { isFieldSet } from '@bufbuild/protobuf';
import { LimitCpuRequestSchema, LimitDiskRequestSchema, LimitMemoryRequestSchema } from '#warden-proto';
import type { RequestOf, ResponseInit } from '../../proto/message.js';
import { changing, containerFor, type Context } from './context.js';

export async function limitMemory(request: RequestOf<'LimitMemory'>, context: Context): Promise<ResponseInit<'LimitMemory'>> {
  const container = containerFor(context, request.handle, 'active', 'stopped');
  const bytes = isFieldSet(request, LimitMemoryRequestSchema.field.limitInBytes) ? request.limitInBytes : undefined;
  return changing(container, async () => {
    // Before the limit: memory may run out at once.
    if (bytes !== undefined) container.watchMemory();
    const limitInBytes = await container.backend.limitMemory(bytes);
    if (bytes !== undefined) container.resources.limitMemory = Number(limitInBytes);
    return { limitInBytes };
  });
}

export async function limitCpu(request: RequestOf<'LimitCpu'>, context: Context): Promise<ResponseInit<'LimitCpu'>> {
  const container = containerFor(context, request.handle, 'active', 'stopped');
  const shares = isFieldSet(request, LimitCpuRequestSchema.field.limitInShares) ? request.limitInShares : undefined;
  return changing(container, async () => {
    const limitInShares = await container.backend.limitCpu(shares);
    if (shares !== undefined) container.resources.limitCpu = Number(limitInShares);
    return { limitInShares };
  });
}

export async function limitBandwidth({ handle, rate, burst }: RequestOf<'LimitBandwidth'>, context: Context): Promise<ResponseInit<'LimitBandwidth'>> {
  const container = containerFor(context, handle, 'active', 'stopped');
  return changing(container, async () => {
    await container.backend.limitBandwidth(rate, burst);
    container.resources.bandwidth = { rate: Number(rate), burst: Number(burst) };
    return { rate, burst };
  });
}

export async function limitDisk(request: RequestOf<'LimitDisk'>, context: Context): Promise<ResponseInit<'LimitDisk'>> {
  const container = containerFor(context, request.handle, 'active', 'stopped');
  const given = LimitDiskRequestSchema.fields.filter((field) => field.name !== 'handle' && isFieldSet(request, field));
  const limits = Object.fromEntries(given.map(({ localName }) => [localName, request[localName as 'block']]));
  return changing(container, () => container.backend.limitDisk(limits));
}
