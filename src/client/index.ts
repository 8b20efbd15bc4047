/** The client of a server: `import { connect } from 'warden-wasm/client'`. docs/reference/client.md */
export { type CallOptions, Client, connect, DEFAULT_SOCKET, type Request, ServerError, type StreamChunk, type StreamEnd } from './client.js';
export { BindMount_Mode as BindMode, NetOutRequest_Protocol as NetOutProtocol } from '#warden-proto';
export { WardenError } from '../base/errors.js';
