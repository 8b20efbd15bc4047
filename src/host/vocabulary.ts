/** Numbers of the boundary for TypeScript that calls it itself: assembly/shim.ts states them, and a test compares. */

export const KINDS = ['other', 'file', 'directory', 'pipe', 'socket', 'terminal'] as const;
/** What a handle is, as `describe` tells it. */
export type HandleKind = typeof KINDS[number];
export const KIND_MASK = 7;
export const CAN_READ = 8;
export const CAN_WRITE = 16;

export const READ = 1;
export const WRITE = 2;
export const HANGUP = 4;

export const SPAWN_SESSION = 1;
export const SPAWN_TERMINAL = 2;
export const SPAWN_DIE_WITH_PARENT = 16;
