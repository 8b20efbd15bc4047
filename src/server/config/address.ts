/** IPv4 addresses as numbers. */
const QUAD = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/;

/** undefined where the text is no address. */
export function parseAddress(text: string): number | undefined {
  const parts = QUAD.exec(text)?.slice(1).map(Number);
  if (!parts || parts.some((part) => part > 255)) return undefined;
  return parts.reduce((sum, part) => sum * 256 + part, 0);
}

export function formatAddress(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join('.');
}

/** The first address of the network of this prefix that the address is in. */
export function networkOf(address: number, prefix: number): number { return prefix === 0 ? 0 : (address & (-1 << (32 - prefix))) >>> 0; }

function parsePrefix(text: string): number { return /^\d{1,2}$/.test(text) ? Number(text) : NaN; }

/** "A.B.C.D/N", the network of it. */
export function parseNetwork(text: string): { address: number; prefix: number } | undefined {
  const [head, tail, ...more] = text.split('/');
  const address = parseAddress(head ?? ''), prefix = tail === undefined ? 32 : parsePrefix(tail);
  if (address === undefined || !(prefix >= 0 && prefix <= 32) || more.length > 0) return undefined;
  return { address: networkOf(address, prefix), prefix };
}
