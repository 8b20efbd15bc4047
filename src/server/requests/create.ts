/** Create */
import { isFieldSet } from '@bufbuild/protobuf';
import { BindMount_Mode, CreateRequestSchema } from '#warden-proto';
import { latin1, type RequestOf, type ResponseInit, utf8 } from '../../proto/message.js';
import type { Context } from './context.js';

export async function create(request: RequestOf<'Create'>, { server, connection }: Context): Promise<ResponseInit<'Create'>> {
  const has = (name: keyof typeof CreateRequestSchema.field): boolean => isFieldSet(request, CreateRequestSchema.field[name]);
  const container = await server.create({
    handle: has('handle') ? latin1(request.handle) : undefined,
    network: has('network') ? request.network : undefined,
    graceTimeS: has('graceTime') ? request.graceTime : undefined,
    rootfs: has('rootfs') ? utf8(request.rootfs) : undefined,
    binds: request.bindMounts.map(({ srcPath, dstPath, mode }) => (
      { source: utf8(srcPath), target: utf8(dstPath), readOnly: mode === BindMount_Mode.RO }
    )),
  }, connection);
  return { handle: Buffer.from(container.handle, 'latin1') };
}
