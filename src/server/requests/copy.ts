/** CopyIn, CopyOut */
import { isFieldSet } from '@bufbuild/protobuf';
import { CopyOutRequestSchema } from '#warden-proto';
import { type RequestOf, type ResponseInit, utf8 } from '../../proto/message.js';
import { containerFor, type Context } from './context.js';

export async function copyIn(request: RequestOf<'CopyIn'>, context: Context): Promise<ResponseInit<'CopyIn'>> {
  const container = containerFor(context, request.handle, 'active');
  await container.backend.copyIn(utf8(request.srcPath), utf8(request.dstPath));
  return {};
}

export async function copyOut(request: RequestOf<'CopyOut'>, context: Context): Promise<ResponseInit<'CopyOut'>> {
  const container = containerFor(context, request.handle, 'active', 'stopped');
  const owner = isFieldSet(request, CopyOutRequestSchema.field.owner) && request.owner !== '' ? request.owner : undefined;
  await container.backend.copyOut(utf8(request.srcPath), utf8(request.dstPath), owner);
  return {};
}
