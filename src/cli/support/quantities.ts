/** Quantities for people. */

/** "64 MiB", "1.5 GiB", "512 bytes". */
export function bytes(count: number): string {
  for (const [unit, name] of [[2 ** 30, 'GiB'], [2 ** 20, 'MiB'], [2 ** 10, 'KiB']] as const) {
    if (count >= unit) return `${Number((count / unit).toFixed(count < 10 * unit ? 1 : 0))} ${name}`;
  }
  return `${count} bytes`;
}

/** "300 ms", "1.5 s", "12 min", "3 h", "5 d". */
export function duration(ms: number): string {
  for (const [unit, name] of [[86_400_000, 'd'], [3_600_000, 'h'], [60_000, 'min'], [1_000, 's']] as const) {
    if (ms >= unit) return `${Number((ms / unit).toFixed(ms < 10 * unit ? 1 : 0))} ${name}`;
  }
  return `${Math.round(ms)} ms`;
}

/** "1 process", "2 processes". */
export function plural(count: number, thing: string): string {
  if (count === 1) return `${count} ${thing}`;
  return `${count} ${thing}${thing.endsWith('s') ? 'es' : 's'}`;
}
