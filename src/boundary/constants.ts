/** The boundary's numbers, as assembly/boundary/shim.ts states them, and Linux's that go with them; test/boundary compares both. */

export const enum FileType { OTHER = 0, FILE = 1, DIRECTORY = 2, PIPE = 3, SOCKET = 4, TERMINAL = 5, MASK = 7 }
export const CAN_READ = 8;
export const CAN_WRITE = 16;
export const MARKED = 32;

export const READ = 1;
export const WRITE = 2;
export const HANGUP = 4;

export const OPEN_READ = 0;
export const OPEN_REPLACE = 1;
export const OPEN_APPEND = 2;
export const OPEN_BOTH = 3;

export const OPENAT_READ = 1;
export const OPENAT_WRITE = 2;
export const OPENAT_PATH = 4;
export const OPENAT_DIRECTORY = 8;
export const OPENAT_CREATE = 16;
export const OPENAT_EXCLUSIVE = 32;
export const OPENAT_TRUNCATE = 64;
export const OPENAT_APPEND = 128;
export const OPENAT_NOFOLLOW = 256;

export const SPAWN_SESSION = 1;
export const SPAWN_TERMINAL = 2;
export const SPAWN_NO_GROUPS = 4;
export const SPAWN_NO_NEW_PRIVS = 8;
export const SPAWN_DIE_WITH_PARENT = 16;
export const SPAWN_CONTAINER = 32;
export const SPAWN_INHERIT_ENVIRONMENT = 64;
export const SPAWN_USER_NAMESPACE = 128;
export const SPAWN_EXPENDABLE = 256;
export const SPAWN_HOME = 512;
export const SPAWN_SHARE_NETWORK = 1024;
export const LOWERED = 256;

export const enum Step { DESCRIPTORS = 1, SESSION, TERMINAL, LIMIT, GROUPS, GROUP, USER, PRIVILEGES, DIRECTORY, EXECUTE, PARENT, BLOCK }
export const REPORT_BYTES = 8;
export const USAGE_BYTES = 32;

/** Of shim/sys/host.h. */
export const HANDLES_MAX = 6144;
export const DESCRIPTORS_MAX = 32;
export const LIMITS_MAX = 32;
export const STARTS_MAX = 64;

/** Of assembly/wire/status.ts: what every program ends with when the command was killed, or no exit code can be had. */
export const EXIT_UNKNOWN = 255;

/** Of shim/launcher and shim/sys/process.c: what a program that cannot be run ends with. */
export const EXIT_HOST = 255;
export const EXIT_NOT_STARTED = 255;
