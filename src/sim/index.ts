/** The simulated kernel. docs/simulation.md */
export { MemoryCgroup } from './cgroup.js';
export { Container, type ContainerOptions } from './container.js';
export { type Description, NullDevice } from './description.js';
export { errnoName, errnos, type ErrnoName } from './errno.js';
export { RegularFile, type ProgramName } from './files.js';
export { Guest } from './guest.js';
export { ScriptRunner } from './interpreter.js';
export { type Habits, type KernelOptions, SimulationError } from './kernel.js';
export { Sink, Source, Terminal } from './outside.js';
export { pattern, patternByte, patternMismatch } from './pattern.js';
export type { Call, CallEvent, Delivery, Fault, FaultPlan, Observer } from './plan.js';
export { Process } from './process.js';
export { preparePrograms, Programs } from './programs.js';
export { Random } from './random.js';
export { parseScript, ScriptError } from './script.js';
export { callText, Trace, type TraceOptions } from './trace.js';
export { type Program, type StartOptions, type Stdio, World } from './world.js';
