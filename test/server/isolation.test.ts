/** The section `isolation` of the configuration: what it says is the container's, and what it cannot be is refused with its line. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ConfigFile } from '../../src/server/config/document.js';
import { parseConfig } from '../../src/server/config/read.js';
import { unless } from '../support/skip.js';
import { noServer, startReal } from './support/real.js';

const isolation = suite('server isolation');
const test = unless(process.platform === 'linux' ? undefined : 'containers need Linux', isolation);
const containers = unless(noServer, isolation);

function parsed(...lines: readonly string[]): ReturnType<typeof parseConfig> {
  return parseConfig(new ConfigFile('test.yml', ['port: { pool_start_port: 61001, pool_size: 2000 }', ...lines, ''].join('\n')));
}

test('without the section, and with empty values, everything is the library\'s default', () => {
  const empty = ['  user_namespace:', '  privileged: false', '  capabilities_add: []', '  sysctl: {}', '  pids_limit: null'];
  for (const lines of [[], ['isolation:'], ['isolation:', ...empty]]) {
    assert.equal(Object.values(parsed(...lines).isolation).filter((value) => value !== undefined), []);
  }
});

test('each key becomes an option of the library', () => {
  const { isolation: asked } = parsed(
    'isolation:', '  user_namespace: host', '  read_only: true', '  hide_pids: true', '  capabilities_add: [NET_ADMIN]', '  capabilities_drop: [CHOWN, KILL]',
    '  seccomp: unconfined', '  pids_limit: 0', '  shm_bytes: 1048576', '  tmpfs: [/tmp, /run]', '  devices: [/dev/null]',
    '  sysctl: { net.ipv4.ip_forward: 1, net.ipv4.ping_group_range: 0 10 }',
  );
  assert.equal(asked, {
    userns: 'host', privileged: undefined, readOnly: true, hidePids: true, capAdd: ['NET_ADMIN'], capDrop: ['CHOWN', 'KILL'], seccomp: 'unconfined',
    pidsLimit: Infinity, shmBytes: 1_048_576, tmpfs: [{ target: '/tmp' }, { target: '/run' }], devices: [{ source: '/dev/null' }],
    sysctl: { 'net.ipv4.ip_forward': '1', 'net.ipv4.ping_group_range': '0 10' },
  });
});

const REFUSED: readonly (readonly [line: string, why: RegExp])[] = [
  ['  user_namespace: mine', /user_namespace must be one of auto, host, required, not "mine"/],
  ['  privileged: 1', /privileged must be true or false, not 1/],
  ['  capabilities_add: [FLY]', /capabilities_add is refused: there is no capability "FLY"/],
  ['  capabilities_drop: CHOWN', /capabilities_drop must be a list of texts/],
  ['  seccomp: /nowhere', /seccomp is refused: cannot read the seccomp profile \/nowhere/],
  ['  seccomp: /etc/passwd', /seccomp is refused: \/etc\/passwd is no seccomp profile/],
  ['  pids_limit: -1', /pids_limit must be a whole number from 0 to/],
  ['  shm_bytes: 10', /shm_bytes must be a whole number from 65536 to/],
  ['  tmpfs: [tmp]', /tmpfs is refused: the target of a tmpfs must be an absolute path/],
  ['  devices: [/etc/passwd]', /devices is refused: \/etc\/passwd is no device/],
  ['  sysctl: { kernel.panic: 1 }', /sysctl is refused: the kernel parameter kernel.panic is the host's/],
  ['  sysctl: { net.ipv4.ip_forward: [1] }', /sysctl.net.ipv4.ip_forward must be a text or a number/],
];

for (const [line, why] of REFUSED) {
  test(`refused with its line:${line}`, () => {
    assert.throws(() => parsed('isolation:', line), (error: Error) => {
      assert.match(error.message, /^test\.yml:3: isolation\./);
      assert.match(error.message, why);
      return true;
    });
  });
}

test('keys that contradict each other are refused', () => {
  assert.throws(() => parsed('isolation:', '  capabilities_add: [CHOWN]', '  capabilities_drop: [CHOWN]'), /test\.yml:3: .*to be added and to be dropped/);
  assert.throws(() => parsed('isolation: { user_namespace: required }', 'user: { pool_start_uid: 65500, pool_size: 64 }'), /test\.yml:2: .*pool of user ids below 65536/);
});

const SHOW = `while read name value; do case $name in CapBnd:|Seccomp:|NoNewPrivs:) echo $name $value;; esac; done < /proc/self/status
touch /x 2> /dev/null || echo read-only; touch /tmp/x && echo writable; cat /proc/self/uid_map; cat /proc/sys/net/ipv4/ip_forward; ls /dev/kmsg`;
const ISOLATION = `isolation:
  user_namespace: host
  read_only: true
  capabilities_drop: [ALL]
  capabilities_add: [NET_RAW]
  seccomp: unconfined
  tmpfs: [/tmp]
  devices: [/dev/kmsg]
  sysctl: { net.ipv4.ip_forward: 1 }
`;

containers('what the file asks for is in force', async () => {
  const server = await startReal({ more: ISOLATION });
  try {
    const client = await server.connect(), { handle } = await client.create();
    const { stdout } = await client.run({ handle, script: SHOW });
    assert.equal(Buffer.from(stdout).toString().trim().split('\n').map((line) => line.trim().split(/\s+/).join(' ')), [
      'CapBnd: 0000000000002000', 'NoNewPrivs: 1', 'Seccomp: 0', 'read-only', 'writable', '0 0 4294967295', '1', '/dev/kmsg',
    ]);
    await client.destroy({ handle });
    await client.close();
  } finally {
    await server.close();
  }
});

isolation.run();
