/** The exit codes of warden itself. docs/reference/warden.md lists all exit codes. */
export const EXIT_FAILED = 1;
export const EXIT_USAGE = 2;
/** As timeout(1). */
export const EXIT_TIMED_OUT = 124;
/** As wsh: the command was killed, or its exit code is unknown. */
export { EXIT_UNKNOWN } from '../boundary/constants.js';
/** As a shell: 128 + the signal's number. */
export const EXIT_SIGNAL = 128;
/** 128 + SIGKILL, which is the signal that the kernel sends. */
export const EXIT_OUT_OF_MEMORY = EXIT_SIGNAL + 9;
