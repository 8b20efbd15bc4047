/** A client of a wshd that looks at all it gets. */
import { codec, encodeRequest, type Request } from '../wire/codec.js';
import { decode, encode, type MessageKind, sizeOf } from '../wire/message.js';
import { WHOLE } from '../wire/codec-module.js';
import { defaultLimits } from '../wire/request.js';
import { expect, Failure } from './case.js';
import { Endpoint, type Received, WAIT_MS } from './endpoint.js';

export interface Ran {
  stdout: Buffer;
  stderr: Buffer;
  /** All bytes of the exit-status pipe. */
  status: Buffer;
  /** The number left on that pipe: docs/reference/protocol.md §3 */
  mark: number;
}

/** Far more than any answer has. */
const ANSWER_MAX = 1024;
const SHOWN_BYTES = 16;

export class WshdClient {
  readonly endpoint: Endpoint;

  constructor(readonly path: string) { this.endpoint = new Endpoint('wsh', ['--socket', path]); }

  /** A request as an original wsh would send it. */
  request(argv: readonly string[], more: Partial<Request> = {}): Buffer {
    return encodeRequest({ argv, user: '', lang: '', tty: false, limits: defaultLimits(codec()), ...more });
  }

  shell(script: string, more: Partial<Request> = {}): Buffer { return this.request(['/bin/sh', '-c', script], more); }

  /** Sends pieces, one write each, and takes all that comes until the connection ends. */
  async converse(...pieces: readonly Uint8Array[]): Promise<Received> {
    const socket = this.endpoint.connect(this.path);
    try {
      for (const piece of pieces) if (!await this.endpoint.write(socket, piece)) break;
      return await this.answer(socket);
    } finally {
      this.endpoint.close(socket);
    }
  }

  async answer(socket: number): Promise<Received> {
    const all: Received = { bytes: Buffer.alloc(0), handles: [], ended: false }, late = performance.now() + WAIT_MS;
    try {
      while (!all.ended) {
        const { bytes, handles, ended } = await this.endpoint.receive(socket);
        all.bytes = Buffer.concat([all.bytes, bytes]);
        all.handles.push(...handles);
        all.ended = ended;
        const size = all.bytes.length;
        if (size > ANSWER_MAX) throw new Failure(`the answer has no end after ${size} bytes: ${all.bytes.toString('hex', 0, SHOWN_BYTES)}…`);
        if (performance.now() > late) throw new Failure(`the answer has no end within ${WAIT_MS / 1000} s: ${size} bytes have come, and still do`);
      }
    } catch (error) {
      this.endpoint.close(...all.handles);
      throw error;
    }
    return all;
  }

  /** The descriptors of a good answer to a request, whole or in pieces; a failure when there is another, or none. */
  async served(request: Uint8Array | readonly Uint8Array[], isTty = false): Promise<number[]> {
    const { bytes, handles } = await this.converse(...[request].flat());
    try {
      judge('response', bytes);
      const wanted = isTty ? 2 : 4;
      if (handles.length !== wanted) throw new Failure(`${handles.length} descriptors came with the answer, instead of ${wanted}`);
    } catch (error) {
      this.endpoint.close(...handles);
      throw error;
    }
    return handles;
  }

  /** Runs a command to its end, with `input` on its stdin, then end of file. */
  async run(request: Uint8Array, input: Uint8Array = Buffer.alloc(0)): Promise<Ran> {
    const handles = await this.served(request);
    const [stdin, stdout, stderr, status] = handles as [number, number, number, number];
    // Closed as soon as it is written, and only there: by the end its number may be another client's.
    const feed = this.endpoint.write(stdin, input).finally(() => this.endpoint.close(stdin));
    try {
      const coming = ([[stdout, 'stdout'], [stderr, 'stderr'], [status, 'the exit status']] as const).map(([handle, name]) => this.endpoint.drain(handle, name));
      const [out, error, code] = await Promise.all([...coming, feed]) as [Buffer, Buffer, Buffer, boolean];
      return { stdout: out, stderr: error, status: code, mark: this.endpoint.marked(status) };
    } finally {
      this.endpoint.close(stdout, stderr, status);
    }
  }

  /** The same at a terminal. */
  async runAtTerminal(request: Uint8Array, input = ''): Promise<{ output: string; status: Buffer }> {
    const handles = await this.served(request, true);
    const [master, status] = handles as [number, number];
    try {
      await this.endpoint.write(master, Buffer.from(input));
      const [output, code] = await Promise.all([this.endpoint.drain(master, 'the terminal'), this.endpoint.drain(status, 'the exit status')]);
      return { output: output.toString(), status: code };
    } finally {
      this.endpoint.close(...handles);
    }
  }

  /** Runs a script of /bin/sh, which must exit with 0; what it wrote. */
  async output(script: string, more: Partial<Request> = {}): Promise<string> {
    const { stdout, stderr, status } = await this.run(this.shell(script, more));
    if (!status.equals(exitStatus(0))) throw new Failure(`${script}: exit status ${show(status)}; ${stderr.toString().trim()}`);
    return stdout.toString();
  }

  /** Whether a command is still run to some end, right or wrong. */
  answers(): Promise<boolean> { return this.run(this.shell('exit 0')).then(() => true, () => false); }

  /** Whether commands are run as they should be. */
  async serves(): Promise<void> { expect('the exit status of a command', (await this.run(this.shell('exit 7'))).status, exitStatus(7)); }
}

function show(status: Buffer): string { return decode(codec(), 'exit-status', status).meaning ?? status.toString('hex'); }

export function exitStatus(code: number): Buffer {
  return Buffer.from(encode(codec(), 'exit-status', { fields: { 'exit-status': BigInt(code) } }));
}

/** A failure when the bytes are no good message of that kind. */
export function judge(kind: MessageKind, bytes: Uint8Array): void {
  const { verdict, problem } = decode(codec(), kind, bytes);
  if (verdict === WHOLE) return;
  const some = Buffer.from(bytes.subarray(0, 2 * sizeOf(codec(), kind))).toString('hex');
  throw new Failure(bytes.length === 0 ? `no ${kind} came` : `the ${kind} ${problem}: ${some}`);
}
