/** Memory of a server that has nothing to do. */
import { native } from '../../host/addon.js';
import type { Metrics } from '../metrics/metrics.js';

const REST_MS = 5_000;

/** When no request was answered for a while, what they have left in the C library's heap goes back to the kernel, once. */
export function giveBackAtRest(metrics: Metrics): void {
  let before = -1, given = -1;
  setInterval(() => {
    const { answered } = metrics;
    if (answered === before && answered !== given) {
      native().giveMemoryBack();
      given = answered;
    }
    before = answered;
  }, REST_MS).unref();
}
