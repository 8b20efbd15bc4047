/** The library's door: containers, and commands and jobs in them, from a Node process. docs/reference/library.md */
export { WardenError, type WardenErrorCode } from './base/errors.js';
export { Container, type SweepResult } from './core/container/container.js';
export type { ContainerInfo, CpuInfo, InForce, MemoryInfo, ProcessInfo } from './core/container/info.js';
export { diagnose, type Finding } from './core/container/diagnose.js';
export { run, type RunOptions, type RunResult } from './core/container/run.js';
export { seccompFilter } from './core/container/seccomp.js';
export type { StopOptions, StopResult } from './core/container/stop.js';
export type { CopyOptions, HostSide } from './core/copy/copy.js';
export { type ExecOptions, type ExecOutput, type ExecResult, Execution } from './core/exec/execution.js';
export type { OutputOptions } from './core/exec/collect.js';
export type { CommandUsage, ExitStatus } from './core/exec/outcome.js';
export type { CommandSettings, LimitName, Limits, LimitValue, RequestOptions } from './core/exec/request.js';
export type { Stdio } from './core/exec/stdio.js';
export { type StreamOptions, type TerminalSize, wantsPty } from './core/exec/terminal.js';
export type { Attached, AttachOptions } from './core/exec/wsh-process.js';
export type { ExitRecord } from './core/job/exit-record.js';
export { Job, type JobInfo, type JobState, type JobStopOptions, type LogOptions } from './core/job/job.js';
export type { LogRecord } from './core/job/log.js';
export type { JobLog, SpawnOptions } from './core/job/start.js';
export type { Cursors } from './core/link/cursor-file.js';
export { type Cut, type Gap, JobLink, type LinkOptions, type LinkOutput, type LinkResult } from './core/link/link.js';
export { type OomEvent, OomWatch, watchOom, type WatchOptions } from './core/oom/watch.js';
export {
  type Bind, BOUNDS, type ContainerOptions, DEFAULT_DEPOT, type Device, type Layer, type Tmpfs, USER_NAMESPACES, type UserNamespace,
} from './core/options.js';
export { RANGE_IDS } from './core/depot/id-ranges.js';

/* For fronts: command lines and servers, which turn text into options. They check early, and open no container to answer a question. */
export { checkContainer } from './core/container/check.js';
export { isId } from './core/depot/id.js';
export { type ContainerSummary, containersIn, readSummary } from './core/depot/record.js';
export { becomeWsh, type WshOptions } from './core/exec/become-wsh.js';
export { checkRequest, LIMIT_NAMES, limitsFromEnvironment, withLimits } from './core/exec/request.js';
