/** Debian's programs in a container's own root, as their packages install them: what the table in docs/reference/warden-run.md shows. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { depotOf } from '../../cli/help.js';
import { noContainers } from '../../support/container.js';
import { DocsTable } from './docs-table.js';
import { unless } from '../../support/skip.js';

interface Program {
  readonly name: string;
  readonly package: string;
  /** Paths or names that have to be there. */
  readonly needs: readonly string[];
  readonly options?: readonly string[];
  readonly script: string;
  /** What the script does, for the table. */
  readonly does: string;
  readonly prints: string;
}

const POSTGRES = '/usr/lib/postgresql/15/bin';
const GET = 'exec 3<>/dev/tcp/$(hostname)/80; printf "GET / HTTP/1.0\\r\\n\\r\\n" >&3; tail -n 1 <&3';

const programs: readonly Program[] = [
  {
    name: 'Java', package: 'default-jre-headless', needs: ['java'], options: ['--memory', '512M'],
    does: '`--memory 512M`: its heap',
    script: 'java -XshowSettings:vm -version 2>&1 | sed -n "s/.*Max. Heap Size.*: //p"', prints: '123.75M',
  },
  {
    name: 'keytool', package: 'default-jre-headless', needs: ['keytool', '/etc/ssl/certs/java/cacerts'],
    does: 'certificates of authorities', script: 'keytool -list -cacerts -storepass changeit 2>/dev/null | grep -q trustedCertEntry && echo trusted', prints: 'trusted',
  },
  {
    name: 'openssl', package: 'openssl', needs: ['openssl'], does: 'a key and a certificate',
    script: 'cd /tmp; openssl req -x509 -newkey rsa:2048 -nodes -keyout k -out c -subj /CN=x 2>/dev/null; openssl verify -CAfile c c', prints: 'c: OK',
  },
  { name: 'su', package: 'util-linux', needs: ['su'], does: 'another user', script: 'su vcap -c "id -un; pwd"', prints: 'vcap /root' },
  {
    name: 'nginx', package: 'nginx-light', needs: ['nginx', 'bash'], does: 'a page, by its own host name',
    script: `mkdir -p /etc/nginx/conf.d; echo 'server { listen 80; return 200 hello; }' > /etc/nginx/conf.d/x.conf; nginx && bash -c '${GET}'`, prints: 'hello',
  },
  {
    name: 'redis', package: 'redis-server', needs: ['redis-server', 'redis-cli'], does: 'a value, as the user redis', options: ['--user', 'redis'],
    script: 'redis-server --daemonize yes --dir /var/lib/redis --logfile /var/log/redis/log >/dev/null; until redis-cli ping >/dev/null 2>&1; do sleep 0.1; done; '
      + 'redis-cli set k v; redis-cli get k', prints: 'OK v',
  },
  {
    name: 'PostgreSQL', package: 'postgresql', needs: [`${POSTGRES}/initdb`], does: 'a query, as the user postgres', options: ['--user', 'postgres'],
    script: `PATH=${POSTGRES}:$PATH; initdb -D /var/lib/postgresql/x >/dev/null 2>&1; pg_ctl -D /var/lib/postgresql/x -w -l /var/log/postgresql/x start >/dev/null; psql -Atc 'select 6*7'`,
    prints: '42',
  },
  {
    name: 'Python', package: 'python3', needs: ['/usr/bin/python3', '/etc/ssl/certs/ca-certificates.crt'], does: 'a TLS context with certificates of authorities',
    script: '/usr/bin/python3 -c "import ssl; print(len(ssl.create_default_context().get_ca_certs()) > 0)"', prints: 'True',
  },
  { name: 'getent', package: 'libc-bin', needs: ['getent'], does: 'a port by its name', script: 'getent services https | tr -s " "', prints: 'https 443/tcp' },
];

const all = suite('programs in the own root');
const table = new DocsTable('docs/reference/warden-run.md', 'programs in the own root', programs.map(({ name }) => name));
const depot = depotOf(all);

function isThere(name: string): boolean { return name.startsWith('/') ? existsSync(name) : spawnSync('sh', ['-c', 'command -v "$1"', 'sh', name]).status === 0; }

for (const { name, package: debian, needs, options = [], does, script, prints } of programs) {
  const missing = needs.find((each) => !isThere(each));
  unless(noContainers ?? (missing === undefined ? undefined : `no ${missing}, of the package ${debian}`), all)(`${name}: ${does}`, async () => {
    const { code, stdout, stderr } = await depot.run([...options, '--timeout', '2m', '--', 'sh', '-c', script]);
    assert.equal([stdout.trim().split('\n').join(' '), code], [prints, 0], stderr);
    table.holds([name, `\`${debian}\``, does, `\`${stdout.trim().split('\n').join(' ')}\``]);
  });
}

all('the table has each of them', () => table.isComplete());

all.run();
