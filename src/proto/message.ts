/** Requests and responses as typed messages: what a frame's payload says, and back. */
import { create, type DescMessage, fromBinary, isFieldSet, type MessageInitShape, type MessageShape, ScalarType, toBinary } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import * as proto from '#warden-proto';
import { Type } from '#warden-proto';
import { encodeFrame, FRAME_TAIL, frameHead } from './frame.js';

/** Both messages of a request type. */
export interface Kind<Request extends DescMessage = DescMessage, Response extends DescMessage = DescMessage> {
  readonly type: Type;
  /** As in the enum: "NetIn". */
  readonly name: string;
  readonly request: Request;
  readonly response: Response;
}

function kind<Request extends DescMessage, Response extends DescMessage>(
  type: Type, request: Request, response: Response,
): Kind<Request, Response> {
  return { type, name: Type[type], request, response };
}

export const kinds = {
  Create: kind(Type.Create, proto.CreateRequestSchema, proto.CreateResponseSchema),
  Stop: kind(Type.Stop, proto.StopRequestSchema, proto.StopResponseSchema),
  Destroy: kind(Type.Destroy, proto.DestroyRequestSchema, proto.DestroyResponseSchema),
  Info: kind(Type.Info, proto.InfoRequestSchema, proto.InfoResponseSchema),
  Spawn: kind(Type.Spawn, proto.SpawnRequestSchema, proto.SpawnResponseSchema),
  Link: kind(Type.Link, proto.LinkRequestSchema, proto.LinkResponseSchema),
  Run: kind(Type.Run, proto.RunRequestSchema, proto.RunResponseSchema),
  Stream: kind(Type.Stream, proto.StreamRequestSchema, proto.StreamResponseSchema),
  NetIn: kind(Type.NetIn, proto.NetInRequestSchema, proto.NetInResponseSchema),
  NetOut: kind(Type.NetOut, proto.NetOutRequestSchema, proto.NetOutResponseSchema),
  CopyIn: kind(Type.CopyIn, proto.CopyInRequestSchema, proto.CopyInResponseSchema),
  CopyOut: kind(Type.CopyOut, proto.CopyOutRequestSchema, proto.CopyOutResponseSchema),
  LimitMemory: kind(Type.LimitMemory, proto.LimitMemoryRequestSchema, proto.LimitMemoryResponseSchema),
  LimitDisk: kind(Type.LimitDisk, proto.LimitDiskRequestSchema, proto.LimitDiskResponseSchema),
  LimitBandwidth: kind(Type.LimitBandwidth, proto.LimitBandwidthRequestSchema, proto.LimitBandwidthResponseSchema),
  LimitCpu: kind(Type.LimitCpu, proto.LimitCpuRequestSchema, proto.LimitCpuResponseSchema),
  Ping: kind(Type.Ping, proto.PingRequestSchema, proto.PingResponseSchema),
  List: kind(Type.List, proto.ListRequestSchema, proto.ListResponseSchema),
  Echo: kind(Type.Echo, proto.EchoRequestSchema, proto.EchoResponseSchema),
} as const;

export type KindName = keyof typeof kinds;
export type RequestOf<Name extends KindName> = MessageShape<(typeof kinds)[Name]['request']>;
export type ResponseOf<Name extends KindName> = MessageShape<(typeof kinds)[Name]['response']>;
export type RequestInit<Name extends KindName> = MessageInitShape<(typeof kinds)[Name]['request']>;
export type ResponseInit<Name extends KindName> = MessageInitShape<(typeof kinds)[Name]['response']>;

const byType = new Map<Type, Kind>(Object.values(kinds).map((each) => [each.type, each]));
function kindOf(type: Type): Kind | undefined { return byType.get(type); }

/** Not a whole message, or one with something missing; the reason in words. */
export class MessageError extends Error {}

/**
 * Decodes strictly: every required field is there, and no known field holds a number that its enum does not have.
 * @throws MessageError
 */
function decodeStrictly<Desc extends DescMessage>(schema: Desc, bytes: Uint8Array): MessageShape<Desc> {
  let message: MessageShape<Desc>;
  try {
    message = fromBinary(schema, bytes);
  } catch (error) {
    throw new MessageError(`no ${schema.name}: ${(error as Error).message}`, { cause: error });
  }
  check(schema, message);
  return message;
}

/** FieldDescriptorProto's LEGACY_REQUIRED. */
const REQUIRED = 3;

function check(schema: DescMessage, message: MessageShape<DescMessage>): void {
  for (const field of schema.fields) {
    if (field.presence as number === REQUIRED && !isFieldSet(message, field)) throw new MessageError(`${schema.name} without its required field ${field.name}`);
    const value = (message as unknown as Record<string, unknown>)[field.localName];
    if (field.fieldKind === 'message' && value !== undefined) check(field.message, value as MessageShape<DescMessage>);
    if (field.fieldKind === 'list' && field.listKind === 'message') {
      for (const item of value as MessageShape<DescMessage>[]) check(field.message, item);
    }
  }
  // A number that a closed enum does not have ends up among the unknown fields.
  const strange = message.$unknown?.find(({ no }) => schema.fields.some((field) => field.number === no && field.fieldKind === 'enum'));
  if (strange) throw new MessageError(`${schema.name} with an unknown number in field ${strange.no}`);
}

export interface Decoded { readonly kind: Kind; readonly message: MessageShape<DescMessage> }

/** @throws MessageError also for the type Error, which nobody asks for */
export function decodeRequest(payload: Uint8Array): Decoded {
  const { type, payload: inner } = decodeStrictly(proto.MessageSchema, payload);
  const found = kindOf(type);
  if (!found) throw new MessageError(`no request has the type ${Type[type] ?? type}`);
  return { kind: found, message: decodeStrictly(found.request, inner) };
}

/** A response, or the error that stands for one. @throws MessageError */
export function decodeResponse(payload: Uint8Array): Decoded | { readonly error: string } {
  const { type, payload: inner } = decodeStrictly(proto.MessageSchema, payload);
  if (type === Type.Error) return { error: decodeStrictly(proto.ErrorResponseSchema, inner).message };
  const found = kindOf(type);
  if (!found) throw new MessageError(`no response has the type ${type}`);
  return { kind: found, message: decodeStrictly(found.response, inner) };
}

function frameOf(type: Type, payload: Uint8Array): Buffer {
  return encodeFrame(toBinary(proto.MessageSchema, create(proto.MessageSchema, { type, payload })));
}

export function requestFrame({ type, request }: Kind, message: object): Buffer {
  return frameOf(type, toBinary(request, create(request, message as never)));
}

export function responseFrame({ type, response }: Kind, message: object): Buffer {
  return frameOf(type, toBinary(response, create(response, message as never)));
}

/**
 * A StreamResponse with output, in pieces to be written one behind the other: the output itself is not copied, as it would be once
 * for each of the three layers around it.
 */
export function streamFrame(name: string, data: Uint8Array): readonly [head: Buffer, data: Uint8Array, tail: Buffer] {
  const inner = new BinaryWriter().tag(FIELD.name.number, WireType.LengthDelimited).string(name)
    .tag(FIELD.data.number, WireType.LengthDelimited).uint32(data.length).finish();
  const payloadBytes = inner.length + data.length;
  const outer = new BinaryWriter().tag(MESSAGE_FIELD.type.number, WireType.Varint).int32(Type.Stream)
    .tag(MESSAGE_FIELD.payload.number, WireType.LengthDelimited).uint32(payloadBytes).finish();
  return [Buffer.concat([frameHead(outer.length + payloadBytes), outer, inner]), data, FRAME_TAIL];
}

const FIELD = proto.StreamResponseSchema.field, MESSAGE_FIELD = proto.MessageSchema.field;

export function errorFrame(message: string): Buffer {
  return frameOf(Type.Error, toBinary(proto.ErrorResponseSchema, create(proto.ErrorResponseSchema, { message })));
}

/** Bytes of a field that holds text, as a map's key or in a path of ASCII: one character a byte. */
export function latin1(bytes: Uint8Array): string { return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1'); }
export function utf8(bytes: Uint8Array): string { return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'); }

/** A message for people and logs: names as in the .proto, bytes as text, only what is set. */
export function toPlain(schema: DescMessage, message: MessageShape<DescMessage>): Record<string, unknown> {
  const plain: Record<string, unknown> = {};
  for (const field of schema.fields) {
    if (!isFieldSet(message, field)) continue;
    const value = (message as unknown as Record<string, unknown>)[field.localName];
    const one = (item: unknown): unknown => {
      if (field.message) return toPlain(field.message, item as MessageShape<DescMessage>);
      if (field.fieldKind === 'enum') return field.enum.value[item as number]?.name ?? item;
      if ('scalar' in field && field.scalar === ScalarType.BYTES) return utf8(item as Uint8Array);
      if (typeof item !== 'bigint') return item;
      return item <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(item) : String(item);
    };
    plain[field.name] = field.fieldKind === 'list' ? (value as unknown[]).map(one) : one(value);
  }
  return plain;
}
