/** The names of conmon's options, and which of them take a value. conmon(8) of 2.1 and 2.2 */

export const enum Option {
  UNKNOWN, API_VERSION, BUNDLE, CID, CUUID, CONTAINER_PIDFILE, CONMON_PIDFILE, EXEC, EXEC_ATTACH, EXEC_PROCESS_SPEC, EXIT_COMMAND,
  EXIT_COMMAND_ARG, EXIT_DELAY, EXIT_DIR, FULL_ATTACH, HELP, LEAVE_STDIN_OPEN, LOG_LEVEL, LOG_PATH, LOG_SIZE_MAX, LOG_GLOBAL_SIZE_MAX,
  LOG_TAG, LOG_LABEL, LOG_ROTATE, LOG_MAX_FILES, LOG_ALLOWLIST_DIR, NAME, NO_CONTAINER_PARTIAL_MESSAGE, NO_NEW_KEYRING, NO_PIVOT,
  NO_SYNC_LOG, PERSIST_DIR, REPLACE_LISTEN_PID, RESTORE, RUNTIME, RUNTIME_ARG, RUNTIME_OPT, SDNOTIFY_SOCKET, SOCKET_DIR_PATH, STDIN,
  SYNC, SYSLOG, SYSTEMD_CGROUP, TERMINAL, TIMEOUT, VERSION, SECCOMP_NOTIFY_SOCKET, SECCOMP_NOTIFY_PLUGINS, COUNT,
}

export function find(name: usize, length: u32): Option {
  for (let option = 1; option < <i32>Option.COUNT; option++) if (isNamed(name, length, nameOf(<Option>option))) return <Option>option;
  // Older names, which conmon takes, too.
  if (isNamed(name, length, "pidfile")) return Option.CONTAINER_PIDFILE;
  if (isNamed(name, length, "restore-arg")) return Option.RUNTIME_OPT;
  return isNamed(name, length, "log-allowlist-dirs") ? Option.LOG_ALLOWLIST_DIR : Option.UNKNOWN;
}

function isNamed(name: usize, length: u32, ascii: string): bool {
  if (<u32>ascii.length != length) return false;
  for (let i = 0; i < ascii.length; i++) if (load<u8>(name + i) != <u8>ascii.charCodeAt(i)) return false;
  return true;
}

export function nameOf(option: Option): string {
  switch (option) {
    case Option.API_VERSION: return "api-version";
    case Option.BUNDLE: return "bundle";
    case Option.CID: return "cid";
    case Option.CUUID: return "cuuid";
    case Option.CONTAINER_PIDFILE: return "container-pidfile";
    case Option.CONMON_PIDFILE: return "conmon-pidfile";
    case Option.EXEC: return "exec";
    case Option.EXEC_ATTACH: return "exec-attach";
    case Option.EXEC_PROCESS_SPEC: return "exec-process-spec";
    case Option.EXIT_COMMAND: return "exit-command";
    case Option.EXIT_COMMAND_ARG: return "exit-command-arg";
    case Option.EXIT_DELAY: return "exit-delay";
    case Option.EXIT_DIR: return "exit-dir";
    case Option.FULL_ATTACH: return "full-attach";
    case Option.HELP: return "help";
    case Option.LEAVE_STDIN_OPEN: return "leave-stdin-open";
    case Option.LOG_LEVEL: return "log-level";
    case Option.LOG_PATH: return "log-path";
    case Option.LOG_SIZE_MAX: return "log-size-max";
    case Option.LOG_GLOBAL_SIZE_MAX: return "log-global-size-max";
    case Option.LOG_TAG: return "log-tag";
    case Option.LOG_LABEL: return "log-label";
    case Option.LOG_ROTATE: return "log-rotate";
    case Option.LOG_MAX_FILES: return "log-max-files";
    case Option.LOG_ALLOWLIST_DIR: return "log-allowlist-dir";
    case Option.NAME: return "name";
    case Option.NO_CONTAINER_PARTIAL_MESSAGE: return "no-container-partial-message";
    case Option.NO_NEW_KEYRING: return "no-new-keyring";
    case Option.NO_PIVOT: return "no-pivot";
    case Option.NO_SYNC_LOG: return "no-sync-log";
    case Option.PERSIST_DIR: return "persist-dir";
    case Option.REPLACE_LISTEN_PID: return "replace-listen-pid";
    case Option.RESTORE: return "restore";
    case Option.RUNTIME: return "runtime";
    case Option.RUNTIME_ARG: return "runtime-arg";
    case Option.RUNTIME_OPT: return "runtime-opt";
    case Option.SDNOTIFY_SOCKET: return "sdnotify-socket";
    case Option.SOCKET_DIR_PATH: return "socket-dir-path";
    case Option.STDIN: return "stdin";
    case Option.SYNC: return "sync";
    case Option.SYSLOG: return "syslog";
    case Option.SYSTEMD_CGROUP: return "systemd-cgroup";
    case Option.TERMINAL: return "terminal";
    case Option.TIMEOUT: return "timeout";
    case Option.VERSION: return "version";
    case Option.SECCOMP_NOTIFY_SOCKET: return "seccomp-notify-socket";
    case Option.SECCOMP_NOTIFY_PLUGINS: return "seccomp-notify-plugins";
    default: return "";
  }
}

export function takesValue(option: Option): bool {
  switch (option) {
    case Option.API_VERSION: case Option.EXEC: case Option.EXEC_ATTACH: case Option.FULL_ATTACH: case Option.HELP:
    case Option.LEAVE_STDIN_OPEN: case Option.LOG_ROTATE: case Option.NO_CONTAINER_PARTIAL_MESSAGE: case Option.NO_NEW_KEYRING:
    case Option.NO_PIVOT: case Option.NO_SYNC_LOG: case Option.REPLACE_LISTEN_PID: case Option.STDIN: case Option.SYNC:
    case Option.SYSLOG: case Option.SYSTEMD_CGROUP: case Option.TERMINAL: case Option.VERSION:
      return false;
    default: return true;
  }
}

export function shortOption(letter: u8): Option {
  switch (letter) {
    case 0x30: return Option.PERSIST_DIR; // 0
    case 0x50: return Option.CONMON_PIDFILE; // P
    case 0x54: return Option.TIMEOUT; // T
    case 0x62: return Option.BUNDLE; // b
    case 0x63: return Option.CID; // c
    case 0x65: return Option.EXEC; // e
    case 0x68: return Option.HELP; // h
    case 0x69: return Option.STDIN; // i
    case 0x6c: return Option.LOG_PATH; // l
    case 0x6e: return Option.NAME; // n
    case 0x70: return Option.CONTAINER_PIDFILE; // p
    case 0x72: return Option.RUNTIME; // r
    case 0x73: return Option.SYSTEMD_CGROUP; // s
    case 0x74: return Option.TERMINAL; // t
    case 0x75: return Option.CUUID; // u
    default: return Option.UNKNOWN;
  }
}
