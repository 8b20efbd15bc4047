/** Limits of the protocol and of Linux that more than one room has to know. */

/** The arguments of a command, each with its NUL: what execve(2) takes. assembly/wire/request-2.ts; docs/reference/protocol.md §6 */
export const COMMAND_BYTES_MAX = 6 << 20;
/** A user and its groups, without a NUL. assembly/wire/request-2.ts */
export const USER_BYTES_MAX = 1_023;
/** The path in the address of a unix socket, without its NUL. unix(7) */
export const SOCKET_PATH_BYTES_MAX = 107;
