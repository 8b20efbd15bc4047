/** Which function carries out which request. */
import type { KindName, RequestOf, ResponseInit } from '../../proto/message.js';
import type { Context } from './context.js';
import { copyIn, copyOut } from './copy.js';
import { create } from './create.js';
import { destroy, list, stop } from './lifecycle.js';
import { info } from './info.js';
import { link, run, spawn, stream } from './jobs.js';
import { limitBandwidth, limitCpu, limitDisk, limitMemory } from './limits.js';
import { netIn, netOut } from './net.js';

/** Answers at once, or later; a Refusal is answered as an error. */
export interface Handler<Name extends KindName> {
  (request: RequestOf<Name>, context: Context): ResponseInit<Name> | Promise<ResponseInit<Name>>;
}

export const handlers: { readonly [Name in KindName]: Handler<Name> } = {
  Create: create, Stop: stop, Destroy: destroy, Info: info,
  Spawn: spawn, Link: link, Run: run, Stream: stream,
  NetIn: netIn, NetOut: netOut, CopyIn: copyIn, CopyOut: copyOut,
  LimitMemory: limitMemory, LimitDisk: limitDisk, LimitBandwidth: limitBandwidth, LimitCpu: limitCpu,
  Ping: () => ({}), List: list, Echo: ({ message }) => ({ message }),
};
