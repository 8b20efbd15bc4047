/** The library: containers, commands and jobs in them, from a Node process. docs/library.md */
export { Container, DEFAULT_DEPOT, type ContainerOptions, type SweepResult } from './container/container.js';
export type { Cursors } from './container/cursors.js';
export { WardenError, type WardenErrorCode } from './container/error.js';
export {
  type ExecOptions, type ExecOutput, type ExecResult, Execution, type LimitName, type LimitValue, type RequestOptions, type Stdio,
  type TerminalSize,
} from './container/execution.js';
export type { ContainerInfo, CpuInfo, MemoryInfo, ProcessInfo, StopOptions, StopResult } from './container/info.js';
export { Job, type JobInfo, type JobState, type SpawnOptions } from './container/job.js';
export { type Cut, type Gap, JobLink, type LinkOptions, type LinkResult } from './container/link.js';
export { type OomEvent, OomWatch, watchOom, type WatchOptions } from './container/oom.js';
export type { Bind } from './container/root.js';
