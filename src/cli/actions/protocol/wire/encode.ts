/** `warden wire encode`: makes a message from the command line, from JSON, or from both. */
import { codec, type Limit, UNLIMITED } from '../../../../wire/codec.js';
import { bytesOfHex, fromJson, SIZE_MAX } from '../../../../wire/json.js';
import { encode as encodeFields, type Given, type MessageKind, KINDS, type Value } from '../../../../wire/message.js';
import { defaultLimits } from '../../../../wire/request.js';
import { reason } from '../../../../base/errors.js';
import { EXIT_FAILED } from '../../../exit-codes.js';
import { InputError, readInput, reporting, writeOutput } from './input.js';

export interface EncodeOptions {
  user?: string;
  lang?: string;
  tty?: boolean;
  limit?: string[];
  limits: boolean;
  killed?: boolean;
  json?: string;
  field?: string[];
  append?: string;
  size?: string;
  output?: string;
}

export function encode(kindName: string | undefined, values: readonly string[], options: EncodeOptions): Promise<number> {
  return reporting('encode', async () => {
    const { kind, given } = await start(kindName, values, options);
    const message = encodeFields(codec(), kind, overridden(given, options));
    try {
      await writeOutput(message, options.output);
    } catch (error) {
      if (options.output === undefined) throw error;
      process.stderr.write(`warden wire encode: cannot write ${options.output}: ${reason(error)}\n`);
      return EXIT_FAILED;
    }
    return 0;
  });
}

type Message = { kind: MessageKind; given: Given };

async function start(kindName: string | undefined, values: readonly string[], options: EncodeOptions): Promise<Message> {
  const fromFile = options.json === undefined ? undefined : fromJson(await parseJson(options.json));
  const kind = kindName === undefined ? fromFile?.kind : KINDS.find((known) => known === kindName);
  if (kind === undefined) {
    const kinds = KINDS.join(', ');
    throw new InputError(kindName === undefined ? `which message? ${kinds}` : `there is no message ${kindName}; there are ${kinds}`);
  }
  if (fromFile !== undefined && (fromFile.kind !== kind || values.length > 0)) {
    throw new InputError('the JSON says what the message is: give --field NAME=VALUE to change it');
  }
  refuseStrangers(kind, options);
  return fromFile ?? { kind, given: { fields: fieldsFor(kind, values, options), ...(options.killed === true ? { size: 0 } : {}) } };
}

/** Rejects options of another kind of message, which would be silently ignored. */
function refuseStrangers(kind: MessageKind, { user, lang, tty, limit, limits, killed, json }: EncodeOptions): void {
  const forRequest = user !== undefined || lang !== undefined || tty === true || limit !== undefined || !limits;
  if (forRequest && (kind !== 'request' || json !== undefined)) {
    throw new InputError('--user, --lang, --tty, --limit and --no-limits are for a request that is not made of JSON');
  }
  const isForIt = kind === 'exit-status' && json === undefined;
  if (killed === true && !isForIt) throw new InputError('--killed is for an exit-status that is not made of JSON');
}

async function parseJson(file: string): Promise<unknown> {
  const text = (await readInput(file)).toString('utf8');
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new InputError(`${file === '-' ? 'standard input' : file} is not JSON: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

function fieldsFor(kind: MessageKind, values: readonly string[], options: EncodeOptions): Record<string, Value> {
  const [first, second] = values;
  switch (kind) {
    case 'request': return requestFields(values, options);
    case 'response': return only(kind, values, 0, {});
    case 'exit-status':
      if (options.killed === true) return only(kind, values, 0, {});
      return only(kind, values, 1, { 'exit-status': numberFrom('the exit code', first) });
    case 'status': return only(kind, values, 1, { status: BigInt(rawStatus(first)) });
    case 'stream': {
      const content = second === undefined ? {} : { content: second };
      return only(kind, values, 2, { position: numberFrom('the position', first), ...content });
    }
    case 'cursor': {
      const stdout = numberFrom('the position on stdout', first), stderr = numberFrom('the position on stderr', second);
      return only(kind, values, 2, { stdout, stderr });
    }
    case 'request-2': return only(kind, values, 1, { umask: -1n, ...(first === undefined ? {} : { command: first }) });
    case 'record': return only(kind, values, 1, { kind: 3n, status: BigInt(rawStatus(first)) });
    case 'signal': return only(kind, values, 1, { signal: signalNumber(first) });
  }
}

function only(kind: MessageKind, values: readonly string[], most: number, fields: Record<string, Value>): Record<string, Value> {
  if (values.length > most) throw new InputError(`${JSON.stringify(values[most])} is one value too many for the kind ${kind}`);
  return fields;
}

function numberFrom(what: string, text: string | undefined): bigint {
  const value = text === undefined ? undefined : parseNumber(text);
  if (value === undefined) throw new InputError(text === undefined ? `${what} is missing` : `${what} is ${JSON.stringify(text)}, which is no number`);
  return value;
}

/** Parses a decimal number, or a hexadecimal one that begins with 0x. */
function parseNumber(text: string): bigint | undefined { return /^(-?\d{1,20}|0x[0-9a-f]{1,16})$/i.test(text) ? BigInt(text) : undefined; }

/** The raw status of an exit code, or of a signal's name. */
function rawStatus(text: string | undefined): number {
  const signal = text === undefined ? undefined : signalNamed(text);
  if (signal !== undefined) return signal;
  const code = numberFrom('the exit code or signal', text);
  if (code < 0n || code > 255n) throw new InputError(`${code} is no exit code: those are 0 to 255; --field status=N sets the number as it is`);
  return codec().exports.rawOfExit(Number(code));
}

function signalNumber(text: string | undefined): bigint {
  return BigInt((text === undefined ? undefined : signalNamed(text)) ?? numberFrom('the signal', text));
}

/** Linux's signal numbers, on any system. */
function signalNamed(name: string): number | undefined {
  const { signalName } = codec().exports;
  const numbers = Array.from({ length: 64 }, (_, index) => index + 1);
  const full = `SIG${name.toUpperCase().replace(/^SIG/, '')}`;
  return numbers.find((signal) => codec().name(signalName(signal)) === full);
}

function requestFields(argv: readonly string[], options: EncodeOptions): Record<string, Value> {
  const limits = mergedLimits(options);
  return {
    'tty': options.tty === true ? 1n : 0n,
    'arguments': argv,
    ...(options.user === undefined ? {} : { user: options.user }),
    ...(options.lang === undefined ? {} : { lang: options.lang }),
    ...Object.assign({}, ...limits.map(({ id, soft, hard }, index) => (
      { [`limit-${index}-id`]: BigInt(id), [`limit-${index}-soft`]: soft, [`limit-${index}-hard`]: hard }
    ))) as Record<string, Value>,
  };
}

function mergedLimits(options: EncodeOptions): Limit[] {
  const limits = options.limits ? defaultLimits(codec()) : [];
  for (const limit of (options.limit ?? []).map(parseLimit)) {
    const same = limits.findIndex(({ id }) => id === limit.id);
    if (same >= 0) limits[same] = limit;
    else limits.push(limit);
  }
  return limits;
}

function parseLimit(text: string): Limit {
  const [, name = '', soft = '', hard = soft] = /^([^=]+)=([^:]+)(?::(.+))?$/.exec(text) ?? [];
  const id = /^\d+$/.test(name) ? Number(name) : limitNamed(name);
  const values = [soft, hard].map((value) => (value === '-1' || value === 'unlimited' ? UNLIMITED : parseNumber(value)));
  if (id === undefined || values.includes(undefined)) {
    throw new InputError(`--limit ${JSON.stringify(text)} is not NAME=N or NAME=SOFT:HARD, with a NAME such as NOFILE and numbers, -1 for unlimited`);
  }
  return { id, soft: values[0]!, hard: values[1]! };
}

function limitNamed(name: string): number | undefined {
  const full = `RLIMIT_${name.toUpperCase().replace(/^RLIMIT_/, '')}`;
  const ids = Array.from({ length: 16 }, (_, id) => id);
  return ids.find((id) => codec().name(codec().exports.limitName(id)) === full);
}

function overridden(given: Given, { field = [], append, size }: EncodeOptions): Given {
  const surplus = append === undefined ? given.surplus : hexFrom('--append', append);
  return {
    fields: { ...given.fields, ...Object.fromEntries(field.map(parseField)) },
    ...(surplus === undefined ? {} : { surplus }),
    ...sizeFrom(size, given, append !== undefined),
  };
}

function sizeFrom(text: string | undefined, given: Given, grows: boolean): { size?: number } {
  if (text === undefined) return given.size === undefined || grows ? {} : { size: given.size };
  const size = Number(text);
  if (!/^\d+$/.test(text) || size > SIZE_MAX) throw new InputError(`--size ${JSON.stringify(text)} is not a number from 0 to ${SIZE_MAX}`);
  return { size };
}

function parseField(text: string): [name: string, value: Value] {
  const at = text.indexOf('=');
  if (at < 1) throw new InputError(`--field ${JSON.stringify(text)} is not NAME=VALUE`);
  const name = text.slice(0, at), value = text.slice(at + 1);
  if (value.startsWith('hex:')) return [name, hexFrom(`--field ${name}`, value.slice(4))];
  return [name, parseNumber(value) ?? value];
}

function hexFrom(what: string, digits: string): Uint8Array {
  const bytes = bytesOfHex(digits);
  if (bytes === undefined) throw new InputError(`${what}: ${JSON.stringify(digits)} is not pairs of hexadecimal digits`);
  return bytes;
}
