/** Commands, one after the other, over one connection that is made when it is needed. */
import { type DescMessage, type MessageShape, isFieldSet } from '@bufbuild/protobuf';
import { WardenError } from '../../base/errors.js';
import { type Client, connect, type Request } from '../client.js';
import { kinds, type RequestOf } from '../../proto/message.js';
import { parseFlags } from './flags.js';
import { helpOf, helpOfAll, kindOfCommand, lines } from './text.js';

export interface Output { out(bytes: Uint8Array | string): Promise<void>; error(bytes: Uint8Array | string): Promise<void> }

export class Session {
  private client: Client | undefined;

  constructor(private readonly socket: string, private readonly output: Output) {}

  /** The exit status: a job's for `run`, else 0. @throws WardenError, ServerError */
  async perform([name = '', ...args]: readonly string[]): Promise<number> {
    if (name === 'help') return this.print(helpOfAll());
    const kind = kindOfCommand(name);
    if (!kind) throw new WardenError('USAGE', `Command: '${name}' is non-existent.`);
    if (args.includes('--help')) return this.print(helpOf(name));
    const request = parseFlags(args, kind.request);
    try {
      return await this.send(kind.name as keyof typeof kinds, request);
    } catch (error) {
      if (!(error instanceof WardenError && error.isEnded)) throw error;
      this.client = undefined;
      throw error;
    }
  }

  private async send(name: keyof typeof kinds, request: MessageShape<DescMessage>): Promise<number> {
    this.client ??= await connect(this.socket);
    if (name === 'Stream') return this.stream(request as RequestOf<'Stream'>);
    // The original's short hand: spawn, then stream.
    if (name === 'Run') {
      const { handle } = request as RequestOf<'Run'>;
      const { jobId } = await this.client.call('Spawn', fieldsOf(kinds.Run.request, request));
      return this.stream({ handle, jobId }, true);
    }
    const response = await this.client.call(name as 'Create', fieldsOf(kinds[name].request, request));
    const text = lines(kinds[name].response, response);
    return this.print(text.map((line) => `${line}\n`).join(''));
  }

  private async stream(request: Request<'Stream'>, withStatus = false): Promise<number> {
    const stream = this.client!.stream({ handle: request.handle, jobId: request.jobId });
    for (;;) {
      const next = await stream.next();
      if (next.done) return withStatus ? next.value.exitStatus : 0;
      await (next.value.name === 'stderr' ? this.output.error(next.value.data) : this.output.out(next.value.data));
    }
  }

  private async print(text: string): Promise<number> {
    await this.output.out(text);
    return 0;
  }

  async close(): Promise<void> { await this.client?.close(); }
}

/** Only what is set. */
function fieldsOf(schema: DescMessage, message: MessageShape<DescMessage>): object {
  return Object.fromEntries(schema.fields.filter((field) => isFieldSet(message, field)).map((field) => (
    [field.localName, (message as unknown as Record<string, unknown>)[field.localName]]
  )));
}
