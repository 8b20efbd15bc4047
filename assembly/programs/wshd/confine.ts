/**
 * What the container's PID 1 gives up once, before it serves, and with it every command that it starts:
 * --confine, --capabilities, --filter. docs/reference/wshd.md
 */
import {
  adoptFd, close, newKeyring, processControl, read, setCapabilities, setFilter, unshare,
} from "../../boundary/shim";
import { variable } from "../../boundary/wasi";
import {
  AMBIENT_CLEAR, CAPABILITIES, CAPSET_BYTES, PR_CAP_AMBIENT, PR_CAPBSET_DROP, PR_CAPBSET_READ, PR_SET_SECUREBITS, putCapset,
} from "../../lib/capabilities";
import { EINVAL, ENOSYS } from "../../lib/errno";
import { afterDigits, digitsValue } from "../../lib/text";
import { FILTER_BYTES_MAX, filterCount, filterFlags, filterInstructions } from "../../wire/filter";
import { CAPABILITIES_VARIABLE, CHILD_FILTER_FD, CONFINE_VARIABLE, FILTER_VARIABLE } from "./handshake";

/** CLONE_NEWCGROUP */
const NEW_CGROUP: u32 = 0x0200_0000;
/**
 * What wshd itself keeps, whatever commands get: CHOWN for their pipes and terminals, SETGID and SETUID for their users, KILL to end a
 * start, SYS_RESOURCE for limits that a client raises.
 */
const OWN: u64 = 1 << 0 | 1 << 5 | 1 << 6 | 1 << 7 | 1 << 24;

/** What the environment of PID 1 asks for. */
namespace wanted {
  export let confines: bool = false, bounds: bool = false;
  export let capabilities: u64 = 0;
  export let instructions: u32 = 0;
}
/** One byte more than the longest filter, to detect a longer one. */
const filter = memory.data(FILTER_BYTES_MAX + 8, 8);
const capset = memory.data(CAPSET_BYTES, 4);

/** What failed, for a message. */
export namespace failure {
  /** What failed last, for a message. */
  export let words: string = "", advice: string = "";
}

function failed(errno: i32, words: string, advice: string = ""): i32 {
  failure.words = words;
  failure.advice = advice;
  return errno;
}

/** Reads what the parent asks for. An error has its words in `failedWords`, here and below. */
export function takeConfinement(): i32 {
  wanted.confines = variable(CONFINE_VARIABLE) != 0;
  const set = variable(CAPABILITIES_VARIABLE);
  wanted.bounds = set != 0;
  if (wanted.bounds) wanted.capabilities = digitsValue(set, afterDigits(set));
  return variable(FILTER_VARIABLE) != 0 ? readFilter() : 0;
}

function readFilter(): i32 {
  const file = adoptFd(CHILD_FILTER_FD);
  if (file < 0) return failed(file, "wshd: cannot take over the filter's file (--filter) for");
  let have: u32 = 0, got: i32 = 1;
  while (got > 0 && have <= FILTER_BYTES_MAX) {
    got = read(file, filter + have, FILTER_BYTES_MAX + 1 - have);
    if (got > 0) have += got;
  }
  close(file);
  if (got < 0) return failed(got, "wshd: cannot read the filter (--filter) for");
  wanted.instructions = filterCount(filter, have);
  return wanted.instructions > 0 ? 0 : failed(-EINVAL, "wshd: the file of --filter is no filter, for", "`warden seccomp PROFILE` makes one");
}

/** Before the first hook in the container: leaves the names of cgroups and the keys of the process that started wshd. */
export function leaveCaller(): i32 {
  if (!wanted.confines) return 0;
  const unshared = unshare(NEW_CGROUP);
  if (unshared < 0) return failed(unshared, "wshd: cannot make a cgroup namespace for");
  const joined = newKeyring();
  // A kernel without keyrings has nothing to be kept from. Where a filter keeps commands from all keys, the caller's are safe, too.
  if (joined < 0 && joined != -ENOSYS && wanted.instructions == 0) {
    return failed(joined, "wshd: cannot join a new session keyring for", "the quota of keys is in /proc/key-users; with a filter it goes without");
  }
  return 0;
}

/** Last of all: the bits, sets and calls that commands do not get. */
export function confineCommands(): i32 {
  const lowers = wanted.confines || wanted.bounds, known = lowers ? knownCapabilities() : 0;
  if (wanted.confines) {
    const cleared = processControl(PR_SET_SECUREBITS, 0, 0);
    if (cleared < 0) return failed(cleared, "wshd: cannot clear the securebits for", "are they locked?");
    processControl(PR_CAP_AMBIENT, AMBIENT_CLEAR, 0);
  }
  if (wanted.bounds) {
    const dropped = dropBounding(known);
    if (dropped < 0) return failed(dropped, "wshd: cannot drop a capability from the bounding set for", "it needs CAP_SETPCAP");
  }
  // Without no_new_privs a filter needs CAP_SYS_ADMIN, which may be about to go. seccomp(2)
  const filtered = wanted.instructions > 0 ? setFilter(filterFlags(filter), filterInstructions(filter), wanted.instructions) : 0;
  if (filtered < 0) return failed(filtered, "wshd: cannot install the filter for");
  if (!lowers) return 0;
  const own = wanted.bounds ? known & (wanted.capabilities | OWN) : known;
  putCapset(capset, own, own, 0);
  const set = setCapabilities(capset);
  return set < 0 ? failed(set, "wshd: cannot lower its own capabilities for", "does the filter let capset(2) through?") : 0;
}

/** The bounding set: what PID 1, executed as root, has got of it. */
function knownCapabilities(): u64 {
  let known: u64 = 0;
  for (let number: u32 = 0; number < CAPABILITIES; number++) {
    if (processControl(PR_CAPBSET_READ, number, 0) == 1) known |= <u64>1 << number;
  }
  return known;
}

function dropBounding(known: u64): i32 {
  for (let number: u32 = 0; number < CAPABILITIES; number++) {
    const bit: u64 = <u64>1 << number;
    if ((known & bit) == 0 || (wanted.capabilities & bit) != 0) continue;
    const dropped = processControl(PR_CAPBSET_DROP, number, 0);
    if (dropped < 0) return dropped;
  }
  return 0;
}
