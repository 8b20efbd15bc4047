/** What a request's handler is given beside the request. */
import { latin1 } from '../../proto/message.js';
import type { ServedContainer, State } from '../container/container.js';
import { Refusal } from '../refusal.js';
import type { Server } from '../server.js';

/** What a handler needs of the connection that its request came by. */
export interface Client {
  /** Aborted when the connection has ended. */
  readonly signal: AbortSignal;
  send(pieces: readonly Uint8Array[]): Promise<void>;
}

export interface Context { readonly server: Server; readonly connection: Client }

/** The container of that handle, which the connection references from now on. @throws Refusal */
export function containerFor({ server, connection }: Context, handle: Uint8Array, ...states: readonly State[]): ServedContainer {
  const container = server.container(latin1(handle));
  if (!container) throw new Refusal('unknown handle');
  container.reference(connection);
  if (states.length > 0) container.require(...states);
  return container;
}

/** Changes something that the snapshot has; it is written also when that failed. */
export async function changing<Result>(container: ServedContainer, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } finally {
    container.save();
  }
}
