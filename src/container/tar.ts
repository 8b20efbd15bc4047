/** Files, directories, links and devices as one archive for tar(1): the ustar format of POSIX pax(1). */
export type Entry = {
  readonly path: string;
  readonly mode?: number;
  /** User and group. */
  readonly owner?: number;
} & (
  | { readonly type: 'file'; readonly content: string | Buffer }
  | { readonly type: 'directory' }
  | { readonly type: 'link'; readonly to: string }
  | { readonly type: 'device'; readonly number: readonly [major: number, minor: number] }
);

const BLOCK_BYTES = 512;
const TYPE_FLAG = { file: '0', link: '2', device: '3', directory: '5' } as const;
const DEFAULT_MODE = { file: 0o644, link: 0o777, device: 0o666, directory: 0o755 } as const;

// Offset and size of each field in the header block.
const FIELDS = {
  name: [0, 100], mode: [100, 8], uid: [108, 8], gid: [116, 8], size: [124, 12], mtime: [136, 12], checksum: [148, 8],
  type: [156, 1], link: [157, 100], magic: [257, 8], major: [329, 8], minor: [337, 8],
} as const;

function put(block: Buffer, field: keyof typeof FIELDS, text: string): void {
  const [offset, size] = FIELDS[field];
  const bytes = Buffer.from(text);
  if (bytes.length > size) throw new RangeError(`"${text}" does not fit the ${field} of an archive's entry`);
  bytes.copy(block, offset);
}

function putNumber(block: Buffer, field: keyof typeof FIELDS, value: number): void {
  put(block, field, value.toString(8).padStart(FIELDS[field][1] - 1, '0'));
}

function header(entry: Entry, size: number, timeMs: number): Buffer {
  const block = Buffer.alloc(BLOCK_BYTES);
  put(block, 'name', entry.path);
  putNumber(block, 'mode', entry.mode ?? DEFAULT_MODE[entry.type]);
  putNumber(block, 'uid', entry.owner ?? 0);
  putNumber(block, 'gid', entry.owner ?? 0);
  putNumber(block, 'size', size);
  putNumber(block, 'mtime', Math.floor(timeMs / 1000));
  put(block, 'type', TYPE_FLAG[entry.type]);
  put(block, 'magic', 'ustar\x0000');
  if (entry.type === 'link') put(block, 'link', entry.to);
  putNumber(block, 'major', entry.type === 'device' ? entry.number[0] : 0);
  putNumber(block, 'minor', entry.type === 'device' ? entry.number[1] : 0);
  // Summed up as if the sum's own field were blank.
  put(block, 'checksum', ' '.repeat(8));
  let sum = 0;
  for (const byte of block) sum += byte;
  put(block, 'checksum', `${sum.toString(8).padStart(6, '0')}\0 `);
  return block;
}

/** Every directory's entry has to come before what is in it. */
export function archive(entries: readonly Entry[], timeMs: number): Buffer {
  const blocks = entries.flatMap((entry) => {
    const content = entry.type === 'file' ? Buffer.from(entry.content) : Buffer.alloc(0);
    const padding = Buffer.alloc((BLOCK_BYTES - (content.length % BLOCK_BYTES)) % BLOCK_BYTES);
    return [header(entry, content.length, timeMs), content, padding];
  });
  return Buffer.concat([...blocks, Buffer.alloc(2 * BLOCK_BYTES)]);
}
