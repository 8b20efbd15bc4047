/** Stop, Destroy, List */
import type { RequestOf, ResponseInit } from '../../proto/message.js';
import { containerFor, type Context } from './context.js';

export async function stop(request: RequestOf<'Stop'>, context: Context): Promise<ResponseInit<'Stop'>> {
  const container = containerFor(context, request.handle, 'active', 'stopped');
  const stopping = container.stop(request.kill);
  if (!request.background) await stopping;
  else stopping.catch((error: unknown) => context.server.log.warn('stop in the background failed', { handle: container.handle, error: String(error) }));
  return {};
}

export async function destroy(request: RequestOf<'Destroy'>, context: Context): Promise<ResponseInit<'Destroy'>> {
  await context.server.destroy(containerFor(context, request.handle));
  return {};
}

/** In the order of creation. */
export function list(_: RequestOf<'List'>, { server }: Context): ResponseInit<'List'> {
  return { handles: [...server.containers].map(({ handle }) => Buffer.from(handle, 'latin1')) };
}
