/** What a container needs of its server. */
import type { Logger } from '../logging/logger.js';
import type { Syslog } from '../logging/syslog.js';
import type { Metrics } from '../metrics/metrics.js';

export interface Surroundings<Container> {
  readonly log: Logger;
  readonly syslog: Syslog;
  readonly metrics: Metrics;
  /** The server ends: containers wait for the next one. */
  readonly draining: boolean;
  jobOutputBytesMax(): number;
  /** As by a client's Destroy: what was taken goes back to the pools. */
  destroy(container: Container): Promise<void>;
}
