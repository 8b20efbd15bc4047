/** What the processes of a container of the library may have and call, whoever started it; and what the options for it change. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { allCapabilities, capabilityBits, capabilityOf, DEFAULT_CAPABILITIES } from '../../src/linux/filter.js';
import { depotOf, type Result, start } from '../cli/help.js';
import { noContainers } from '../support/container.js';
import { scratch } from '../support/process.js';
import { unless } from '../support/skip.js';

const all = suite('the privileges in a container');
const it = unless(noContainers, all);
const files = scratch();
const depot = depotOf(all);
all.after(() => files.remove());

const sh = (script: string, ...options: string[]): Promise<Result> => depot.run([...options, '--', 'sh', '-c', script]);

async function prints(script: string, expected: string, ...options: string[]): Promise<void> {
  const { code, stdout, stderr } = await sh(script, ...options);
  assert.equal({ code, stdout, stderr }, { code: 0, stdout: expected, stderr: '' });
}

/** `warden run` behind another command, which it inherits from. */
function below(before: readonly string[], ...args: readonly string[]): Promise<Result> {
  return start([...before, ...depot.command(...args)]).result;
}

const SETS = 'sed -n "s/^\\(Cap...\\|Seccomp\\|NoNewPrivs\\):[[:space:]]*/\\1 /p" /proc/self/status';
const hex = (set: bigint): string => set.toString(16).padStart(16, '0');
const NONE = hex(0n), USUAL = hex(0xa80425fbn);
/** What this machine's root has of a set. */
const OWN = BigInt(`0x${/^CapBnd:\s*(\w+)$/m.exec(execFileSync('cat', ['/proc/self/status'], { encoding: 'utf8' }))![1]!}`);
const sets = (bounding: string, held: string, noNewPrivs: number, seccomp: number): string => (
  `CapInh ${NONE}\nCapPrm ${held}\nCapEff ${held}\nCapBnd ${bounding}\nCapAmb ${NONE}\nNoNewPrivs ${noNewPrivs}\nSeccomp ${seccomp}\n`);

it('are those of Docker and Garden for root', () => prints(SETS, sets(USUAL, USUAL, 0, 2)));
it('are none for another user', () => prints(SETS, sets(USUAL, NONE, 1, 2), '--user', 'vcap'));
it('are all of the host\'s where it is privileged', () => prints(SETS, sets(hex(OWN), hex(OWN), 0, 0), '--privileged'));

it('are changed by name', () => {
  const expected = hex((0xa80425fbn | 1n << 12n) & ~(1n << 13n) & OWN);
  return prints(SETS, sets(expected, expected, 0, 2), '--cap-add', 'net_admin', '--cap-drop', 'CAP_NET_RAW');
});
it('are dropped all at once, and commands still start as their user', async () => {
  await prints(`${SETS}; id -u`, `${sets(NONE, NONE, 0, 2)}0\n`, '--cap-drop', 'ALL');
  await prints('id -u', '10001\n', '--cap-drop', 'ALL', '--user', 'vcap');
});
it('are one alone when all others are dropped', () => prints(SETS, sets(hex(1n), hex(1n), 0, 2), '--cap-drop', 'all', '--cap-add', 'CHOWN'));

/** Perl calls the kernel by number; every Debian has it. x86-64's numbers. */
const KEYCTL = 250, ADD_KEY = 248, SESSION = -3, USER_KEYRING = -4, JOIN = 1, SEARCH = 10, FOUND = 'found', ENOSYS = 38;
const x86 = unless(noContainers ?? (process.arch === 'x64' ? undefined : 'the numbers of system calls are x86-64\'s'), all);
const withSecret = ['perl', '-e', `($t, $d, $s) = ("user", "of-the-operator", "SECRET"); syscall(${KEYCTL}, ${JOIN}, 0) > 0 && syscall(${ADD_KEY}, $t, $d, $s, 6, ${SESSION}) > 0 or die "no key: $!"; exec @ARGV or die`];
const search = `($t, $d) = ("user", "of-the-operator"); print syscall(${KEYCTL}, ${SEARCH}, ${SESSION}, $t, $d, 0) > 0 ? "${FOUND}" : $! + 0`;

x86('do not reach the operator\'s session keyring, filter or not', async () => {
  const host = await start([...withSecret, 'perl', '-e', search]).result;
  assert.equal([host.stdout, host.stderr], [FOUND, ''], 'the key is there');
  for (const options of [[], ['--seccomp', 'unconfined'], ['--privileged']]) {
    for (const user of ['root', 'vcap']) {
      const { code, stdout } = await below(withSecret, ...options, '--user', user, '--', 'perl', '-e', search);
      assert.equal([code, /^\d+$/.test(stdout)], [0, true], `${options.join(' ')} ${user}: ${stdout}`);
    }
  }
});

x86('do not share a user\'s keyring with another container\'s user of that id', () => prints(
  `perl -e '($t, $d) = ("user", "k"); print syscall(${ADD_KEY}, $t, $d, $d, 1, ${USER_KEYRING}), " ", $! + 0'`, `-1 ${ENOSYS}`, '--user', 'vcap',
));

it('do not come by ambient and inheritable capabilities that the caller has with no_setuid_fixup', async () => {
  const caller = ['setpriv', '--securebits', '+no_setuid_fixup', '--inh-caps', '+sys_admin', '--ambient-caps', '+sys_admin', '--'];
  for (const options of [[], ['--privileged']]) {
    const { code, stdout, stderr } = await below(caller, ...options, '--user', 'vcap', '--', 'sh', '-c', SETS);
    assert.equal([code, stderr], [0, '']);
    assert.match(stdout, `CapInh ${NONE}\nCapPrm ${NONE}\nCapEff ${NONE}\n`);
    assert.match(stdout, `CapAmb ${NONE}\n`);
  }
});

it('are not the caller\'s personality, priority, scheduling, processors and score', async () => {
  const processors = execFileSync('nproc', ['--all'], { encoding: 'utf8' });
  const caller = ['setarch', '-R', 'nice', '-n', '7', 'choom', '-n', '500', '--', 'chrt', '--batch', '0', 'taskset', '-c', '0'];
  const script = 'cat /proc/self/personality /proc/self/oom_score_adj; ps -o ni=,cls= -p $$ | tr -s " "; nproc';
  const { code, stdout, stderr } = await below(caller, '--user', 'vcap', '--', 'sh', '-c', script);
  assert.equal([code, stderr], [0, '']);
  assert.equal(stdout.split(/\s+/).filter((word) => word !== ''), ['00000000', '300', '0', 'TS', processors.trim()]);
});

it('do not show where its cgroups are on the host', async () => {
  const { code, stdout, stderr } = await sh('cat /proc/self/cgroup');
  assert.equal([code, stderr], [0, '']);
  assert.not.match(stdout, /warden/);
});

it('make no namespace, mount, module or trace of the kernel', () => prints(
  `for call in "unshare --user true" "unshare --mount true" "mount -t tmpfs none /tmp" "swapon /dev/null" "dmesg" "chroot /nowhere true"; do
    $call > /dev/null 2>&1 && echo "$call"
  done; :`, '',
));

const OF_KERNEL: Readonly<Record<string, readonly [number: number, errno: number]>> = {
  io_uring_setup: [425, 38], userfaultfd: [323, 38], bpf: [321, 1], perf_event_open: [298, 1], open_by_handle_at: [304, 1],
  kexec_load: [246, 1],
  init_module: [175, 1], add_key: [248, 38], keyctl: [250, 38], fsopen: [430, 1], clone3: [435, 38], setns: [308, 1],
};
x86('answer calls that nobody in a container needs without asking the kernel', () => prints(
  `perl -e 'for (@ARGV) { $! = 0; syscall($_, 0, 0, 0, 0, 0); print $! + 0, "\\n" }' ${Object.values(OF_KERNEL).map(([number]) => number).join(' ')}`,
  Object.values(OF_KERNEL).map(([, errno]) => `${errno}\n`).join(''),
));
x86('open no socket that reaches a virtual machine\'s host', () => prints(
  'perl -e \'print defined(socket(my $s, 40, 1, 0)) ? "opened" : $! + 0; print socket($s, 1, 1, 0) ? " unix" : ""\'', '38 unix', '--user', 'vcap',
));

it('let programs call what they are used to', () => prints(
  'perl -e \'$| = 1; pipe R, W; if (fork) { close W; print <R>; wait } else { print W "child\\n" }\'; (sleep 0.01 & wait); echo a | sort; stat -c %F /proc', 'child\na\ndirectory\n',
));

it('have the calls that a capability is for', () => prints(
  'mount -t tmpfs none /tmp && unshare --mount true && echo done', 'done\n', '--cap-add', 'SYS_ADMIN', '--user', 'root',
));

const profile = (name: string, content: unknown): string => {
  const file = join(files.path, name);
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
};
const rule = (names: string[], action: string, more: object = {}): object => ({ names, action, ...more });

it('follow a profile of one\'s own', () => prints(
  'mkdir /tmp/x 2> /dev/null || echo refused; grep Seccomp: /proc/self/status', 'refused\nSeccomp:\t2\n',
  '--seccomp', profile('own.json', { defaultAction: 'SCMP_ACT_ALLOW', syscalls: [rule(['mkdir', 'mkdirat'], 'SCMP_ACT_ERRNO', { errnoRet: 1 })] }),
));
it('follow no profile when asked', () => prints('grep Seccomp: /proc/self/status', 'Seccomp:\t0\n', '--seccomp', 'unconfined'));
it('judge a profile\'s conditions by the container\'s capabilities', async () => {
  const file = profile('conditions.json', { defaultAction: 'SCMP_ACT_ALLOW', syscalls: [
    rule(['mkdir', 'mkdirat'], 'SCMP_ACT_ERRNO', { includes: { caps: ['CAP_NET_ADMIN'] } }),
    rule(['rmdir', 'unlinkat'], 'SCMP_ACT_ERRNO', { excludes: { caps: ['CAP_NET_ADMIN'] } }),
  ] });
  const script = 'mkdir /tmp/x 2> /dev/null && echo made; rmdir /root 2> /dev/null && echo removed; :';
  await prints(script, 'made\n', '--seccomp', file);
  await prints(script, 'removed\n', '--seccomp', file, '--cap-add', 'NET_ADMIN');
});

it('leave PID 1 alive where the kernel cannot watch another descriptor', async () => {
  // epoll_ctl answers ENOSPC: as when max_user_watches, which all roots of the machine share, is used up.
  const file = profile('watches.json', { defaultAction: 'SCMP_ACT_ALLOW', syscalls: [rule(['epoll_ctl'], 'SCMP_ACT_ERRNO', { errnoRet: 28 })] });
  await depot.prints('create', '--name', 'unwatched', '--seccomp', file);
  try {
    const script = 'const { Container } = await import(process.argv[1]); const c = await Container.open(process.argv[2]); '
      + 'await new Promise((resolve) => setTimeout(resolve, 500)); console.log((await c.info()).state); process.exit(0)';
    const { stdout } = await start([process.execPath, '--input-type=module', '-e', script, `${import.meta.dirname}/../../src/index.js`, `${depot.path}/unwatched`]).result;
    assert.is(stdout, 'serving\n');
  } finally {
    await depot.prints('destroy', 'unwatched');
  }
});

const REFUSED: readonly (readonly [options: () => string[], words: RegExp])[] = [
  [() => ['--cap-add', 'NO_SUCH'], /there is no capability "NO_SUCH"/],
  [() => ['--cap-drop', ''], /capDrop\[0\] is empty/],
  [() => ['--cap-add', 'KILL', '--cap-drop', 'cap_kill'], /kill is to be added and to be dropped/],
  [() => ['--seccomp', join(files.path, 'missing')], /cannot read the seccomp profile .*missing: /],
  [() => ['--seccomp', files.path], /it is not a regular file/],
  [() => ['--seccomp', fifo()], /it is not a regular file/],
  [() => ['--seccomp', profile('no.json', '{"defaultAction": ')], /no\.json is no seccomp profile: .* in line 1/],
  [() => ['--seccomp', profile('act.json', { defaultAction: 'SCMP_ACT_FORGET' })], /an action is not one of/],
  [() => ['--seccomp', profile('large.json', ' '.repeat(2 ** 20 + 1))], /more than 1048576 bytes/],
];
function fifo(): string {
  const path = join(files.path, 'fifo');
  execFileSync('mkfifo', [path]);
  return path;
}
for (const [index, [options, words]] of REFUSED.entries()) {
  it(`refuses what it cannot do, and makes nothing (${index}: ${words.source})`, async () => {
    const { code, stdout, stderr } = await depot.run([...options(), '--', 'true']);
    assert.equal([code, stdout], [2, '']);
    assert.match(stderr, words);
  });
}

all('know each capability by its name, with its number', () => {
  assert.is(allCapabilities().length, 41);
  for (const [number, name] of allCapabilities().entries()) {
    assert.is(capabilityBits([name]), 1n << BigInt(number), name);
    for (const other of [`CAP_${name.toUpperCase()}`, name.toUpperCase()]) assert.is(capabilityOf(other), name);
  }
  assert.is(capabilityBits(DEFAULT_CAPABILITIES), 0xa80425fbn);
  for (const none of ['', 'CAP_', 'chow', 'chownx', 'chown ', 'x'.repeat(2 ** 21)]) assert.is(capabilityOf(none), undefined, none.slice(0, 9));
});

all.run();
