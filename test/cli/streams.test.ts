/** Which commands get a terminal, and which get input: `warden exec` and `warden run` at a terminal, with streams that are none. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { noContainers } from '../support/container.js';
import { scratch } from '../support/process.js';
import { unless } from '../support/skip.js';
import { Terminal } from '../support/terminal.js';
import { depotWithContainer, main } from './help.js';

const all = suite('warden exec, run: terminal and input');
const it = unless(noContainers, all);
const depot = depotWithContainer(all);
const files = scratch();

all.after(() => files.remove());

const WARDEN = `${process.execPath} ${main}`;
const kinds: readonly (readonly [name: string, command: string])[] = [
  ['exec', `${WARDEN} exec c`], ['exec --timeout', `${WARDEN} exec c --timeout 1m`], ['run', `${WARDEN} run`],
];

/** Runs a line of a shell at a terminal; its exit code, and what the terminal showed. */
async function atTerminal(line: string): Promise<{ code: number; shown: string }> {
  const terminal = new Terminal(['sh', '-c', line], { env: depot.environment });
  try {
    const code = await terminal.ends();
    return { code, shown: terminal.shown.toString() };
  } finally {
    await terminal.close();
  }
}

for (const [name, warden] of kinds) {
  it(`${name}: output that goes to files or pipes arrives as written`, async () => {
    const out = join(files.path, 'out'), err = join(files.path, 'err');
    const write = `-- sh -c 'printf "a\\nb\\n"; echo err >&2; exit 5'`;
    assert.is((await atTerminal(`${warden} ${write} > ${out} 2> ${err}`)).code, 5);
    assert.equal([readFileSync(out, 'latin1'), readFileSync(err, 'latin1')], ['a\nb\n', 'err\n']);
    assert.is((await atTerminal(`${warden} ${write} 2>&1 | od -An -c`)).shown.replace(/\s+/g, ' '), ' a \\n b \\n e r r \\n ');
  });

  it(`${name}: -t and -T say whether there is a terminal`, async () => {
    assert.match((await atTerminal(`${warden} -- tty`)).shown, /^\/dev\/pts\/\d+\r\n$/);
    assert.equal(await atTerminal(`${warden} -T -- tty`), { code: 1, shown: 'not a tty\r\n' });
    assert.match((await atTerminal(`${warden} -it -- tty | cat`)).shown, /^\/dev\/pts\/\d+\r+\n$/);
    const sized = 'tty; stty size';
    assert.match((await atTerminal(`${warden} -t -- sh -c '${sized}' </dev/null`)).shown, /^\/dev\/pts\/\d+\r+\n24 80\r+\n$/);
  });

  it(`${name}: -n leaves the input to others`, async () => {
    const { code, shown } = await atTerminal(`printf '1\\n2\\n3\\n' | while read x; do ${warden} -n -- sh -c 'cat; echo $0' $x; done`);
    assert.equal([code, shown], [0, '1\r\n2\r\n3\r\n']);
    assert.is((await atTerminal(`${warden} -n -- sh -c 'tty; cat'`)).shown, 'not a tty\r\n');
    assert.match((await atTerminal(`${warden} -nt -- sh -c 'tty; cat'`)).shown, /^\/dev\/pts\/\d+\r+\n$/);
  });
}

all.run();
