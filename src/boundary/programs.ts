/** The programs whose logic is a WebAssembly module: a folder each below assembly/programs. */
export const PROGRAM_NAMES = ['wshd', 'wsh', 'iomux-spawn', 'iomux-link', 'oom', 'monitor'] as const;

/** The OCI runtime, whose module needs a process for itself: it runs natively alone, or in the simulated kernel. */
export const RUNTIME_NAME = 'warden-runtime';

export type ProgramName = typeof PROGRAM_NAMES[number] | typeof RUNTIME_NAME;
