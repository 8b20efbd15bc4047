/** Frames that the original client and server have exchanged: test/server/vectors, index.json says what each one is. */
import { readFileSync } from 'node:fs';
import { packageRoot } from '../../../src/base/paths.js';
import { FrameReader } from '../../../src/proto/frame.js';

const directory = `${packageRoot}test/server/vectors/`;

export interface Exchange {
  readonly name: string;
  readonly request: Buffer;
  readonly reply: Buffer;
  readonly sent?: { readonly type: string; readonly fields: Readonly<Record<string, unknown>> };
  readonly replies: readonly { readonly type: string; readonly fields: Readonly<Record<string, unknown>> }[];
  /** Values that are others in another run. */
  readonly differs: readonly string[];
}

interface Index { exchanges: (Omit<Exchange, 'request' | 'reply' | 'differs'> & { request: string; reply: string; differs?: string[] })[] }

export const exchanges: readonly Exchange[] = (JSON.parse(readFileSync(`${directory}index.json`, 'utf8')) as Index).exchanges.map((each) => ({
  ...each, request: readFileSync(directory + each.request), reply: readFileSync(directory + each.reply), differs: each.differs ?? [],
}));

export function exchange(name: string): Exchange {
  const found = exchanges.find((each) => each.name === name);
  if (!found) throw new Error(`no recorded exchange is called ${name}`);
  return found;
}

export function payloadsOf(stream: Buffer): Buffer[] {
  const reader = new FrameReader(), payloads: Buffer[] = [];
  reader.push(stream);
  for (let payload = reader.next(); payload; payload = reader.next()) payloads.push(payload);
  return payloads;
}
