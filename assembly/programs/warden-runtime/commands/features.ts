/** features and spec. */
import { close, openAt, OPENAT_CREATE, OPENAT_EXCLUSIVE, OPENAT_WRITE, write } from "../../../boundary/shim";
import { exit } from "../../../boundary/wasi";
import { putCopy, putText, stringLength } from "../../../lib/text";
import { die } from "../files/end";
import { options } from "../input/options";
import { PATH_BYTES } from "../files/paths";
import { printText } from "../input/texts";

const FEATURES = `{"ociVersionMin":"1.0.0","ociVersionMax":"1.3.0",
"hooks":["prestart","createRuntime","createContainer","startContainer","poststart","poststop"],
"mountOptions":["atime","bind","copy","defaults","dev","diratime","exec","idmap","noatime","nocopy","nocopyup","nodev","nodiratime",
"noexec","norelatime","nostrictatime","nosuid","nosymfollow","private","ratime","rbind","rdev","rdiratime","relatime","rexec","ridmap",
"rnoatime","rnodev","rnodiratime","rnoexec","rnorelatime","rnostrictatime","rnosuid","rnosymfollow","ro","rprivate","rrelatime","rro","rrw",
"rshared","rslave","rstrictatime","rsuid","rsymfollow","runbindable","rw","shared","slave","strictatime","suid","symfollow","tmpcopyup",
"unbindable"],
"linux":{"namespaces":["cgroup","ipc","mount","network","pid","time","user","uts"],
"capabilities":["CAP_CHOWN","CAP_DAC_OVERRIDE","CAP_DAC_READ_SEARCH","CAP_FOWNER","CAP_FSETID","CAP_KILL","CAP_SETGID","CAP_SETUID",
"CAP_SETPCAP","CAP_LINUX_IMMUTABLE","CAP_NET_BIND_SERVICE","CAP_NET_BROADCAST","CAP_NET_ADMIN","CAP_NET_RAW","CAP_IPC_LOCK","CAP_IPC_OWNER",
"CAP_SYS_MODULE","CAP_SYS_RAWIO","CAP_SYS_CHROOT","CAP_SYS_PTRACE","CAP_SYS_PACCT","CAP_SYS_ADMIN","CAP_SYS_BOOT","CAP_SYS_NICE",
"CAP_SYS_RESOURCE","CAP_SYS_TIME","CAP_SYS_TTY_CONFIG","CAP_MKNOD","CAP_LEASE","CAP_AUDIT_WRITE","CAP_AUDIT_CONTROL","CAP_SETFCAP",
"CAP_MAC_OVERRIDE","CAP_MAC_ADMIN","CAP_SYSLOG","CAP_WAKE_ALARM","CAP_BLOCK_SUSPEND","CAP_AUDIT_READ","CAP_PERFMON","CAP_BPF",
"CAP_CHECKPOINT_RESTORE"],
"cgroup":{"v1":true,"v2":true,"systemd":false,"systemdUser":false,"rdma":true},
"seccomp":{"enabled":true,"actions":["SCMP_ACT_ALLOW","SCMP_ACT_ERRNO","SCMP_ACT_KILL","SCMP_ACT_KILL_PROCESS","SCMP_ACT_KILL_THREAD","SCMP_ACT_LOG",
"SCMP_ACT_TRACE","SCMP_ACT_TRAP"],
"operators":["SCMP_CMP_EQ","SCMP_CMP_GE","SCMP_CMP_GT","SCMP_CMP_LE","SCMP_CMP_LT","SCMP_CMP_MASKED_EQ","SCMP_CMP_NE"],
"archs":["SCMP_ARCH_X32","SCMP_ARCH_X86","SCMP_ARCH_X86_64"],
"knownFlags":["SECCOMP_FILTER_FLAG_LOG","SECCOMP_FILTER_FLAG_SPEC_ALLOW","SECCOMP_FILTER_FLAG_TSYNC"],
"supportedFlags":["SECCOMP_FILTER_FLAG_LOG","SECCOMP_FILTER_FLAG_SPEC_ALLOW","SECCOMP_FILTER_FLAG_TSYNC"]},
"apparmor":{"enabled":true},"selinux":{"enabled":true},"intelRdt":{"enabled":false},"netDevices":{"enabled":false},
"mountExtensions":{"idmap":{"enabled":true}}}}
`;

export function printFeatures(): void {
  printText(FEATURES);
  exit(0);
}

const CAPABILITIES = `["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"]`;
const SPEC = `{
  "ociVersion": "1.2.0",
  "process": {
    "terminal": false,
    "user": { "uid": 0, "gid": 0 },
    "args": ["sh"],
    "env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"],
    "cwd": "/",
    "capabilities": { "bounding": CAPABILITIES, "effective": CAPABILITIES, "permitted": CAPABILITIES },
    "rlimits": [{ "type": "RLIMIT_NOFILE", "hard": 1024, "soft": 1024 }],
    "noNewPrivileges": true
  },
  "root": { "path": "rootfs", "readonly": true },
  "hostname": "container",
  "mounts": [
    { "destination": "/proc", "type": "proc", "source": "proc" },
    { "destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "strictatime", "mode=755", "size=65536k"] },
    { "destination": "/dev/pts", "type": "devpts", "source": "devpts",
      "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"] },
    { "destination": "/dev/shm", "type": "tmpfs", "source": "shm", "options": ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"] },
    { "destination": "/dev/mqueue", "type": "mqueue", "source": "mqueue", "options": ["nosuid", "noexec", "nodev"] },
    { "destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["nosuid", "noexec", "nodev", "ro"] },
    { "destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["nosuid", "noexec", "nodev", "relatime", "ro"] }
  ],
  "linux": {
    "resources": { "devices": [{ "allow": false, "access": "rwm" }] },
    "namespaces": [{ "type": "pid" }, { "type": "network" }, { "type": "ipc" }, { "type": "uts" }, { "type": "mount" }, { "type": "cgroup" }],
    "maskedPaths": ["/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats",
      "/proc/sched_debug", "/sys/firmware", "/proc/scsi"],
    "readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]
  }
}
`;

const path = memory.data(PATH_BYTES);
const PIECE_BYTES: u32 = 8192;
const piece = memory.data(PIECE_BYTES);
const WORD = "CAPABILITIES";

/** Writes config.json, where there is none. */
export function writeSpec(): void {
  if (options.bundle != 0 && stringLength(options.bundle) + 16 > PATH_BYTES) die("the path of the bundle is too long:", options.bundle);
  let end = path;
  if (options.bundle != 0) end = putText(putCopy(path, options.bundle), "/");
  store<u8>(putText(end, "config.json"), 0);
  const file = openAt(0, path, OPENAT_WRITE | OPENAT_CREATE | OPENAT_EXCLUSIVE, 0o666);
  if (file < 0) die("cannot make", path, file);
  let to = piece;
  for (let i = 0; i < SPEC.length; i++) {
    let word = 0;
    while (word < WORD.length && SPEC.charCodeAt(i + word) == WORD.charCodeAt(word)) word++;
    if (word == WORD.length) {
      to = putText(to, CAPABILITIES);
      i += word - 1;
    } else store<u8>(to++, <u8>SPEC.charCodeAt(i));
  }
  const sent = write(file, piece, <u32>(to - piece));
  if (sent < 0) die("cannot write", path, sent);
  close(file);
  exit(0);
}
