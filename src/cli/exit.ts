/** The exit codes that are warden's own; docs/warden.md has all of them. */
export const EXIT_FAILED = 1;
export const EXIT_USAGE = 2;
/** As timeout(1)'s. */
export const EXIT_TIMED_OUT = 124;
/** As wsh's: the command was killed, or nobody knows what became of it. */
export { EXIT_UNKNOWN } from '../vocabulary.js';
/** As a shell's: 128 + the signal's number. */
export const EXIT_SIGNAL = 128;
/** SIGKILL, which is what the kernel sends. */
export const EXIT_OUT_OF_MEMORY = EXIT_SIGNAL + 9;
