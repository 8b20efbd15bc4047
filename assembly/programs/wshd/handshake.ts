/** The protocol between wshd on the host (parent) and wshd in the container (child) while the container starts. */

/** In the environment of the container's PID 1, with a number: this process is the child. */
export const CHILD_VARIABLE: string = "WSHD_CHILD";
/** In the same environment: the options of the same names. The number is the set of --capabilities, otherwise 1. */
export const NO_NEW_PRIVS_VARIABLE: string = "WSHD_NO_NEW_PRIVS";
export const CONFINE_VARIABLE: string = "WSHD_CONFINE";
export const CAPABILITIES_VARIABLE: string = "WSHD_CAPABILITIES";
export const KEEP_GROUPS_VARIABLE: string = "WSHD_KEEP_GROUPS";
export const SHARE_NETWORK_VARIABLE: string = "WSHD_SHARE_NETWORK";
/** The filter is a descriptor of the child's. */
export const FILTER_VARIABLE: string = "WSHD_FILTER";

export const CHILD_LISTENER_FD: i32 = 3;
export const CHILD_SYNC_FD: i32 = 4;
export const CHILD_FILTER_FD: i32 = 5;

/** Parent to child, behind the directories: go on. */
export const GO: u8 = 0x67;
/** Child to parent: the container serves requests. */
export const SERVING: u8 = 0x73;
