/** What `npm run fuzz` refuses, and how several of them get on. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { packageRoot } from '../../src/base/paths.js';
import { type Ended, run, scratch } from '../support/process.js';
import { FRAMES } from './frames.js';
import { targets } from './targets.js';

const main = suite('npm run fuzz');
const directory = scratch();
main.after(() => directory.remove());

function fuzz(...args: string[]): Promise<Ended> { return run([process.execPath, `${packageRoot}build/js/test/fuzz/main.js`, ...args]); }

main('without arguments: the list of targets', async () => {
  const { code, stdout } = await fuzz();
  assert.is(code, 0);
  const [list = '', needs = ''] = stdout.toString().trimEnd().split('\n\n');
  assert.equal(list.split('\n').map((line) => line.split(' ')[0]), [...targets.map(({ name }) => name), FRAMES]);
  assert.match(needs, /^All .*clang/);
});

const FILE = `${packageRoot}package.json`, MISSING = '/nonexistent/input';
const refused: [args: string[], words: string][] = [
  [['no-target'], 'there is no target no-target; npm run fuzz lists them'],
  [['--coverage', 'oom'], '--coverage is of all targets together'],
  [['oom', '--input', MISSING], `there is no file ${MISSING}`],
  [['oom', '--input', '/'], 'there is no file /'],
  [['oom', '--differential', '--input', MISSING], `there is no file ${MISSING}`],
  [['--input', FILE], '--input FILE is run by one TARGET'],
  [['oom', 'link', '--input', FILE], '--input FILE is run by one TARGET'],
  [['oom', '--minimize', '--input', FILE], '--input FILE is run by one TARGET'],
  [['--coverage', '--input', FILE], '--input FILE is run by one TARGET'],
];
for (const [args, words] of refused) {
  main(`refuses ${args.join(' ').replace(packageRoot, '')}: exit code 2, one sentence`, async () => {
    const { code, stdout, stderr } = await fuzz(...args);
    assert.equal({ code, stdout: stdout.toString(), stderr }, { code: 2, stdout: '', stderr: `fuzz: ${words}\n` });
  });
}

for (const [option, value] of [['--seconds', '0'], ['--seconds', '1.5'], ['--seed', '-1'], ['--seed', 'x']] as const) {
  main(`refuses ${option} ${value}`, async () => {
    const { code, stderr } = await fuzz('oom', option, value);
    assert.is(code, 2);
    assert.match(stderr, `option '${option} <N>' argument '${value}' is invalid`);
  });
}

/** Builds, slowly, and says what it has got: its own pieces, or those of whoever was faster. */
const BUILDER = `
  import { existsSync, readFileSync, writeFileSync } from 'node:fs';
  import { once } from '${packageRoot}build/js/test/fuzz/tools.js';
  const [directory, pause] = process.argv.slice(1);
  const product = await once(directory, [], 'product', async (at) => {
    writeFileSync(at + '/piece', String(process.pid));
    await new Promise((resolve) => setTimeout(resolve, Number(pause)));
    writeFileSync(at + '/product', readFileSync(at + '/piece'));
  });
  console.log(readFileSync(product, 'utf8') === readFileSync(directory + '/piece', 'utf8'));
`;

main('several that build the same at once do not disturb each other, and leave one', async () => {
  const built = `${directory.directory()}/built`;
  const builders = await Promise.all([300, 0, 300, 100].map((pause) => run([process.execPath, '--input-type=module', '-e', BUILDER, built, String(pause)])));
  for (const { code, stdout, stderr } of builders) assert.equal([code, stdout.toString(), stderr], [0, 'true\n', '']);
  assert.equal(readdirSync(dirname(built)), ['built']);
  const first = readFileSync(`${built}/product`, 'utf8');
  await run([process.execPath, '--input-type=module', '-e', BUILDER, built, '0']);
  assert.is(readFileSync(`${built}/product`, 'utf8'), first, 'it was built again');
});

main('a build that fails leaves nothing, and is tried again', async () => {
  const built = `${directory.directory()}/built`;
  const failing = BUILDER.replace('await new Promise', 'if (pause === "fail") throw new Error("cannot compile"); await new Promise');
  const { code, stderr } = await run([process.execPath, '--input-type=module', '-e', failing, built, 'fail']);
  assert.is.not(code, 0);
  assert.match(stderr, /cannot compile/);
  assert.equal(readdirSync(dirname(built)), []);
  assert.is((await run([process.execPath, '--input-type=module', '-e', BUILDER, built, '0'])).code, 0);
  assert.ok(existsSync(`${built}/product`));
});

main.run();
