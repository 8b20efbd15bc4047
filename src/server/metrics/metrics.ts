/** Counters and histograms in Prometheus's text format. */
class Counter {
  value = 0;
  add(amount: number): void { this.value += amount; }
}

/** Seconds. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

class Histogram {
  private readonly counts = new Array<number>(BUCKETS.length + 1).fill(0);
  private sum = 0;

  observe(seconds: number): void {
    const at = BUCKETS.findIndex((bound) => seconds <= bound);
    this.counts[at < 0 ? BUCKETS.length : at]!++;
    this.sum += seconds;
  }

  lines(name: string, labels: string): string[] {
    let total = 0;
    const buckets = [...BUCKETS, '+Inf'].map((bound, index) => `${name}_bucket{${labels},le="${bound}"} ${total += this.counts[index]!}`);
    return [...buckets, `${name}_sum{${labels}} ${this.sum}`, `${name}_count{${labels}} ${total}`];
  }
}

export interface Gauges { readonly [name: string]: { readonly help: string; value(): number } }

export class Metrics {
  readonly outputBytes = new Counter();
  readonly ooms = new Counter();
  readonly errors = new Counter();
  readonly connections = new Counter();
  private readonly requests = new Map<string, Histogram>();

  /** Requests. */
  answered = 0;

  observe(request: string, seconds: number): void {
    this.answered++;
    let histogram = this.requests.get(request);
    if (!histogram) this.requests.set(request, histogram = new Histogram());
    histogram.observe(seconds);
  }

  text(gauges: Gauges): string {
    const counter = (name: string, help: string, { value }: Counter): string[] => [`# HELP ${name} ${help}`, `# TYPE ${name} counter`, `${name} ${value}`];
    const name = 'warden_request_duration_seconds';
    return `${[
      `# HELP ${name} Time from a request to its last answer.`, `# TYPE ${name} histogram`,
      ...[...this.requests].flatMap(([type, histogram]) => histogram.lines(name, `type="${type}"`)),
      ...counter('warden_job_output_bytes_total', 'Output that was read of jobs.', this.outputBytes),
      ...counter('warden_oom_total', 'Containers whose memory ran out.', this.ooms),
      ...counter('warden_request_errors_total', 'Requests answered by an error.', this.errors),
      ...counter('warden_connections_total', 'Connections that were accepted.', this.connections),
      ...Object.entries(gauges).flatMap(([gauge, { help, value }]) => [`# HELP ${gauge} ${help}`, `# TYPE ${gauge} gauge`, `${gauge} ${value()}`]),
    ].join('\n')}\n`;
  }
}
