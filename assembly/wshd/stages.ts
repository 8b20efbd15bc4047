/** What wshd on the host and wshd in the container agree on while the container starts. */

/** In the environment of the container's first process: it is not to start another container. */
export const CHILD_STAGE: string = "WSHD_CHILD=1";
export const CHILD_VARIABLE: string = "WSHD_CHILD";

export const CHILD_LISTENER_FD: i32 = 3;
export const CHILD_SYNC_FD: i32 = 4;

/** Parent to child, behind the places: go on. */
export const GO: u8 = 0x67;
/** Child to parent: commands can be run now. */
export const SERVING: u8 = 0x73;
