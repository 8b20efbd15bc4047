/** What the page shows, as its address says it behind the "#": a seed or a scenario, the event, the process. */

export interface Address {
  readonly seed: number | undefined;
  /** JSON. */
  readonly scenario: string | undefined;
  readonly at: number | undefined;
  readonly of: number | undefined;
}

function whole(text: string | null): number | undefined {
  return text !== null && /^\d{1,16}$/.test(text) && Number.isSafeInteger(Number(text)) ? Number(text) : undefined;
}

export async function readAddress(hash: string): Promise<Address> {
  const parts = new URLSearchParams(hash.replace(/^#/, '')), packed = parts.get('scenario');
  return {
    seed: whole(parts.get('seed')), at: whole(parts.get('at')), of: whole(parts.get('of')),
    scenario: packed === null ? undefined : await unpack(packed),
  };
}

export async function writeAddress({ seed, scenario, at, of }: Address): Promise<string> {
  const parts = new URLSearchParams();
  if (scenario !== undefined) parts.set('scenario', await pack(scenario));
  else if (seed !== undefined) parts.set('seed', String(seed));
  if (at !== undefined && at > 0) parts.set('at', String(at));
  if (of !== undefined) parts.set('of', String(of));
  return `#${parts.toString()}`;
}

async function through(bytes: Uint8Array<ArrayBuffer>, stream: CompressionStream | DecompressionStream): Promise<Uint8Array> {
  const piped = new Blob([bytes]).stream().pipeThrough(stream);
  return new Uint8Array(await new Response(piped).arrayBuffer());
}

/** Deflated, in base64 for addresses: RFC 4648 §5. */
async function pack(text: string): Promise<string> {
  const bytes = await through(new TextEncoder().encode(text), new CompressionStream('deflate-raw'));
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join('')).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
}

/** Of an address that was cut off or changed, the text that says so: it is no scenario either. */
async function unpack(packed: string): Promise<string> {
  try {
    const bytes = Uint8Array.from(atob(packed.replaceAll('-', '+').replaceAll('_', '/')), (letter) => letter.charCodeAt(0));
    return new TextDecoder().decode(await through(bytes, new DecompressionStream('deflate-raw')));
  } catch {
    return 'the address does not hold a whole scenario';
  }
}
