/** Info */
import type { RequestOf, ResponseInit } from '../../proto/message.js';
import { containerFor, type Context } from './context.js';

export function info(request: RequestOf<'Info'>, context: Context): Promise<ResponseInit<'Info'>> {
  return containerFor(context, request.handle, 'active', 'stopped').info();
}
