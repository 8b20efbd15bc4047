/** NetIn, NetOut */
import { isFieldSet } from '@bufbuild/protobuf';
import { NetInRequestSchema, NetOutRequest_Protocol, NetOutRequestSchema } from '#warden-proto';
import type { RequestOf, ResponseInit } from '../../proto/message.js';
import type { NetOutRule } from '../container/backend.js';
import { Refusal } from '../refusal.js';
import { changing, containerFor, type Context } from './context.js';

export async function netIn(request: RequestOf<'NetIn'>, context: Context): Promise<ResponseInit<'NetIn'>> {
  const container = containerFor(context, request.handle, 'active'), { field } = NetInRequestSchema;
  return changing(container, () => container.backend.netIn(
    isFieldSet(request, field.hostPort) ? request.hostPort : undefined,
    isFieldSet(request, field.containerPort) ? request.containerPort : undefined,
  ));
}

const PROTOCOLS: Readonly<Record<NetOutRequest_Protocol, NetOutRule['protocol']>> = {
  [NetOutRequest_Protocol.TCP]: 'tcp', [NetOutRequest_Protocol.UDP]: 'udp', [NetOutRequest_Protocol.ICMP]: 'icmp', [NetOutRequest_Protocol.ALL]: 'all',
};

export async function netOut(request: RequestOf<'NetOut'>, context: Context): Promise<ResponseInit<'NetOut'>> {
  const container = containerFor(context, request.handle, 'active');
  const rule = ruleOf(request);
  return changing(container, async () => {
    await container.backend.netOut(rule);
    container.resources.netOut.push(rule);
    return {};
  });
}

function ruleOf(request: RequestOf<'NetOut'>): NetOutRule {
  const { field } = NetOutRequestSchema, has = (name: keyof typeof field): boolean => isFieldSet(request, field[name]);
  const network = request.network || undefined;
  const range = request.portRange || undefined;
  if (network === undefined && range === undefined && !has('port')) throw new Refusal('Please specify network, port, and/or port_range.');
  checkRange(range ?? '');
  const any = (code: number): number | undefined => (code === -1 ? undefined : code);
  return {
    network, ports: range ?? (has('port') ? String(request.port) : undefined),
    protocol: PROTOCOLS[has('protocol') ? request.protocol : NetOutRequest_Protocol.TCP],
    icmpType: has('icmpType') ? any(request.icmpType) : undefined, icmpCode: has('icmpCode') ? any(request.icmpCode) : undefined, log: request.log,
  };
}

function checkRange(range: string): void {
  const [low, high] = range.split(':').map(Number);
  if (low !== undefined && high !== undefined && low >= high) throw new Refusal('Port range maximum must be greater than minimum');
}
