/** What a row says of many samples. */
export interface Summary {
  value: number;
  p10: number;
  p90: number;
  count: number;
}

/** `part` from 0 to 1, between the two nearest samples. */
export function quantile(samples: readonly number[], part: number): number {
  if (samples.length === 0) throw new Error('no samples');
  const sorted = [...samples].sort((a, b) => a - b);
  const at = (sorted.length - 1) * part, below = Math.floor(at);
  const low = sorted[below]!, high = sorted[Math.min(below + 1, sorted.length - 1)]!;
  return low + (high - low) * (at - below);
}

export function median(samples: readonly number[]): number { return quantile(samples, 0.5); }
export function sum(samples: readonly number[]): number { return samples.reduce((total, sample) => total + sample, 0); }

export function summarize(samples: readonly number[], valueOf: (samples: readonly number[]) => number): Summary {
  return { value: valueOf(samples), p10: quantile(samples, 0.1), p90: quantile(samples, 0.9), count: samples.length };
}

/** b of y = a·x^b, fitted to the logarithms: 1 when y grows as x does, 0 when it does not grow. */
export function exponent(points: readonly { x: number; y: number }[]): number {
  const logs = points.map(({ x, y }) => ({ x: Math.log(x), y: Math.log(y) }));
  const middle = { x: sum(logs.map(({ x }) => x)) / logs.length, y: sum(logs.map(({ y }) => y)) / logs.length };
  const spread = sum(logs.map(({ x }) => (x - middle.x) ** 2));
  if (!(spread > 0)) throw new Error('an exponent needs points at two places');
  return sum(logs.map(({ x, y }) => (x - middle.x) * (y - middle.y))) / spread;
}
