/** `warden wire` for the server's protocol: a recorded stream of frames, and the rules of a server. */
import { runCases, type Choice, Failure, type Outcome } from '../../../../conformance/case.js';
import { connect } from '../../../../client/client.js';
import { lines } from '../../../../client/command/text.js';
import { rules } from '../../../../client/rules.js';
import { FrameError, FrameReader } from '../../../../proto/frame.js';
import { decodeRequest, decodeResponse, MessageError, toPlain } from '../../../../proto/message.js';
import { EXIT_FAILED } from '../../../exit-codes.js';
import { print } from '../../../support/print.js';
import { printable } from '../../../../base/escape.js';

/** The side of a connection that sent the stream. */
export type Direction = 'server-requests' | 'server-responses';

interface Frame { offset: number; bytes: number; type: string; fields: Record<string, unknown>; shown: string[]; problem?: string }

function frameOf(payload: Buffer, offset: number, direction: Direction): Frame {
  const at = { offset, bytes: payload.length };
  try {
    const decoded = direction === 'server-requests' ? decodeRequest(payload) : decodeResponse(payload);
    if ('error' in decoded) return { ...at, type: 'Error', fields: { message: decoded.error }, shown: [`message : ${decoded.error}`] };
    const schema = direction === 'server-requests' ? decoded.kind.request : decoded.kind.response;
    return { ...at, type: decoded.kind.name, fields: toPlain(schema, decoded.message), shown: lines(schema, decoded.message) };
  } catch (error) {
    if (!(error instanceof MessageError)) throw error;
    return { ...at, type: 'none', fields: {}, shown: [], problem: error.message };
  }
}

/** Prints each frame with its offset. The exit code is 1 when a part of the stream is not a frame, or a frame is not a message. */
export async function decodeFrames(stream: Buffer, direction: Direction, asJson: boolean): Promise<number> {
  const reader = new FrameReader(), frames: Frame[] = [];
  let problem: string | undefined;
  try {
    reader.push(stream);
    for (let at = 0, payload = reader.next(); payload; payload = reader.next()) {
      frames.push(frameOf(payload, at, direction));
      at = stream.length - reader.buffered;
    }
    if (reader.buffered > 0) problem = `the last ${reader.buffered} bytes are no whole frame`;
  } catch (error) {
    if (!(error instanceof FrameError)) throw error;
    problem = error.message;
  }
  await print(asJson ? json(frames, problem) : text(frames, problem));
  return problem === undefined && frames.every((frame) => frame.problem === undefined) ? 0 : EXIT_FAILED;
}

function json(frames: readonly Frame[], problem: string | undefined): string {
  const shown = frames.map(({ shown: _, ...frame }) => frame);
  return `${JSON.stringify({ frames: shown, ...(problem === undefined ? {} : { problem }) }, null, 2)}\n`;
}

function text(frames: readonly Frame[], problem: string | undefined): string {
  const parts = frames.map(({ offset, bytes, type, shown, problem: why }) => (
    [`${offset}: ${type}, ${bytes} bytes${why === undefined ? '' : `: ${why}`}`, ...shown.map((line) => `  ${printable(line)}`)].join('\n')
  ));
  return `${[...parts, ...(problem === undefined ? [] : [problem])].join('\n')}\n`;
}

/** `warden wire check --server` */
export function checkServer(socket: string, choice: Choice): Promise<Outcome[]> {
  const cases = rules.map((rule) => ({
    ...rule,
    run: () => rule.run(socket).catch((error: unknown) => { throw new Failure((error as Error).message); }),
  }));
  const isThere = async (): Promise<boolean> => {
    try {
      const client = await connect(socket);
      await client.ping();
      await client.close();
      return true;
    } catch {
      return false;
    }
  };
  return runCases(socket, cases, choice, isThere);
}
