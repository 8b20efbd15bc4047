import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { resolvConf } from '../../src/server/linux/layer.js';

const layer = suite('server layer');

layer('a container\'s resolver is that of the configuration, the host itself, or that of the host', () => {
  const hostAddress = '10.254.0.1', facts = { dnsServers: [], hostAddress };
  assert.is(resolvConf({ dnsServers: ['192.0.2.1', '192.0.2.2'], hostAddress }, 'nameserver 127.0.0.1\n'), 'nameserver 192.0.2.1\nnameserver 192.0.2.2\n');
  assert.is(resolvConf(facts, 'nameserver 127.0.0.1\n'), 'nameserver 10.254.0.1\n');
  for (const host of ['', 'search a.b\nnameserver 127.0.0.1\n', 'nameserver 127.0.0.1\nnameserver 192.0.2.3\n', 'nameserver 127.0.0.11\n']) {
    assert.is(resolvConf(facts, host), host);
  }
});

layer.run();
