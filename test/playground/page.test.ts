import { mkdirSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Browser, Page } from 'playwright-core';
import { packageRoot } from '../../src/base/paths.js';
import { traceOf } from '../../src/sim/campaign/batch.js';
import { loadMarked } from '../../src/sim/campaign/instrumented.js';
import { unless } from '../support/skip.js';
import { eventShown, launch, noBrowser, open, PAGE, PICTURES, verdict } from './browser.js';

const inBrowser = suite('the page of a simulated host');
const browser = unless(noBrowser, inBrowser);
let chromium: Browser;

inBrowser.before(async () => {
  if (noBrowser !== undefined) return;
  mkdirSync(PICTURES, { recursive: true });
  chromium = await launch();
});
inBrowser.after(async () => { await chromium?.close(); });

const linesShown = (page: Page): Promise<string[]> => page.locator('#trace .row').allInnerTexts();
const drawn = (page: Page): Promise<string> => page.locator('svg.topology').innerHTML();
/** Without what the template engine leaves between elements. */
const plain = (markup: string): string => markup.replace(/<!--.*?-->/gs, '');

async function press(page: Page, ...keys: string[]): Promise<void> {
  for (const key of keys) await page.keyboard.press(key);
  // Two frames: one draws, the next is behind it.
  await page.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))');
}

browser('works from disk, without a request to anywhere, and shows the trace of its seed', async () => {
  const { page, requests, errors } = await open(chromium, `${PAGE}#seed=3`);
  assert.match(await verdict(page), /^✓ all checks hold: \d+ steps, \d+ events$/);
  const folder = PAGE.replace('index.html', '');
  assert.equal(requests.filter((url) => !url.startsWith(folder) && !/^(blob|data):/.test(url)), []);
  assert.equal(errors, []);
  const [first] = traceOf(await loadMarked(), 3).split('\n');
  assert.is((await linesShown(page))[0], `0${first}`);
  await page.close();
});

browser('goes forward and back by keys, and what was drawn is drawn again', async () => {
  const { page } = await open(chromium, `${PAGE}#seed=3&at=300`);
  assert.is(await eventShown(page), 300);
  const before = plain(await drawn(page));
  await press(page, 'ArrowRight', 'ArrowRight', 'ArrowRight');
  assert.is(await eventShown(page), 303);
  await press(page, 'ArrowLeft', 'ArrowLeft', 'ArrowLeft');
  assert.is(plain(await drawn(page)), before);
  await press(page, 'PageDown', 'End');
  const last = await eventShown(page);
  assert.ok(last > 400);
  await press(page, 'Home');
  assert.is(await eventShown(page), 0);
  await page.close();
});

/** A seed whose plan has faults. */
const WITH_FAULTS = 5;

browser('goes to the next fault by a key, and marks it', async () => {
  const { page } = await open(chromium, `${PAGE}#seed=${WITH_FAULTS}&at=0`);
  await press(page, 'f');
  assert.match(await page.locator('#event').innerText(), /\(fault: /);
  assert.match(await page.locator('svg .fault').innerHTML(), /✗/);
  await page.screenshot({ path: `${PICTURES}/fault.png` });
  await page.close();
});

browser('plays, and pauses where it is', async () => {
  const { page } = await open(chromium, `${PAGE}#seed=3`);
  await press(page, '+', '+', ' ');
  await page.waitForFunction('Number(document.querySelector("output").textContent.split(" ")[1]) > 20');
  await press(page, ' ');
  const at = await eventShown(page);
  await press(page);
  assert.is(await eventShown(page), at);
  await page.waitForFunction(`location.hash.includes("at=${at}")`);
  await page.close();
});

browser('needs the keyboard only: a process is chosen by Tab and Enter, and the focus can be seen', async () => {
  const { page } = await open(chromium, `${PAGE}#seed=3&at=300`);
  for (let times = 0; times < 40 && await page.evaluate('document.activeElement.classList.contains("process")') !== true; times++) await press(page, 'Tab');
  assert.is(await page.evaluate('getComputedStyle(document.activeElement).outlineStyle'), 'solid');
  const name = await page.evaluate<string>('document.activeElement.getAttribute("aria-label")');
  await press(page, 'Enter');
  const pid = /(\d+)/.exec(name)![1]!;
  const lines = await linesShown(page);
  assert.ok(lines.length > 3 && lines.every((line) => line.includes(`(${pid}): `)), lines.join('\n'));
  await page.waitForFunction(`location.hash.includes("of=${pid}")`);
  await press(page, 'Escape');
  assert.ok((await linesShown(page)).some((line) => !line.includes(`(${pid}): `)));
  await page.close();
});

browser('shows what its address says, after a reload, too', async () => {
  const { page } = await open(chromium, `${PAGE}#seed=5&at=100&of=3`);
  assert.is(await page.locator('.toolbar select').inputValue(), '3');
  const event = await eventShown(page);
  await page.reload();
  await verdict(page);
  assert.is(await eventShown(page), event);
  await page.evaluate('location.hash = "#seed=8"');
  await page.waitForFunction('document.querySelector("[name=seed]").value === "8"');
  await page.close();
});

/** A run that takes longer than the address waits for the time line to rest. */
const LONG_ACT = {
  after: 0,
  act: {
    do: 'wsh', container: 0, stdout: 'eager', stderr: 'eager',
    command: { run: { script: ['write 1 300000 300', 'exit 0'] }, options: [], stdout: 300_000, stderr: 0, later: 0, echoes: false, ends: 0 },
  },
};

browser('never writes what was shown before into the address of a run that has begun', async () => {
  const { page } = await open(chromium, `${PAGE}#seed=3`);
  await page.waitForFunction('location.hash === "#seed=3"');
  const scenario = JSON.parse(await page.locator('#scenario').inputValue()) as { acts: unknown[] };
  // In one turn of the page: the time line moves, and a scenario is run before the address has followed.
  await page.evaluate(`{
    window.written = [];
    const replace = history.replaceState.bind(history);
    history.replaceState = (state, title, hash) => { written.push(hash); replace(state, title, hash); };
    document.body.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowRight', bubbles: true }));
    const editor = document.querySelector('#scenario');
    editor.value = ${JSON.stringify(JSON.stringify({ ...scenario, acts: [LONG_ACT] }))};
    editor.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', ctrlKey: true, bubbles: true }));
  }`);
  await page.waitForFunction('written.length > 0');
  assert.match(await verdict(page), /events$/);
  assert.is(await page.evaluate('location.hash === written[0]'), true);
  const shown = await page.locator('header .verdict').innerText();
  await page.reload();
  assert.is(await verdict(page), shown);
  await page.close();
});

browser('says that a run is under way when it has replaced another one', async () => {
  const { page } = await open(chromium, `${PAGE}#seed=3`);
  const scenario = JSON.parse(await page.locator('#scenario').inputValue()) as { acts: unknown[] };
  const text = await page.evaluate<string>(`new Promise((done) => {
    const editor = document.querySelector('#scenario');
    editor.value = ${JSON.stringify(JSON.stringify({ ...scenario, acts: [LONG_ACT] }))};
    for (let times = 0; times < 2; times++) editor.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', ctrlKey: true, bubbles: true }));
    requestAnimationFrame(() => requestAnimationFrame(() => done(document.querySelector('header .verdict').textContent)));
  })`);
  assert.is(text, 'running…');
  assert.match(await verdict(page), /events$/);
  await page.close();
});

browser('runs a scenario that is edited, keeps it in the address, and says what is wrong with one', async () => {
  const { page } = await open(chromium, `${PAGE}#seed=3`);
  await page.locator('#scenario-panel summary').press('Enter');
  const editor = page.locator('#scenario'), scenario = JSON.parse(await editor.inputValue()) as { acts: unknown[] };
  const only = { ...scenario, acts: [{ after: 0, act: { do: 'miscall', argv: ['wsh', '--help'], ends: 7 } }] };
  await editor.fill(JSON.stringify(only));
  await editor.press('Control+Enter');
  await page.waitForFunction('document.querySelector("header .verdict").textContent.startsWith("✗ exit-code")');
  await page.waitForFunction('location.hash.startsWith("#scenario=")');
  await page.reload();
  await page.waitForFunction('document.querySelector("header .verdict").textContent.startsWith("✗ exit-code")');
  assert.match(await verdict(page), /^✗ exit-code: wsh --help ends with 0/);
  await page.locator('#scenario-panel summary').press('Enter');
  await editor.fill('{"seed": "one"}');
  await editor.press('Control+Enter');
  await page.waitForFunction('document.querySelector("header .verdict").textContent.startsWith("scenario.seed is \\"one\\": it has to be")');
  await page.close();
});

browser('decodes a message that is pasted', async () => {
  const { page } = await open(chromium, `${PAGE}#seed=2`);
  await page.locator('#decoder-panel summary').press('Enter');
  await page.locator('[name=message]').fill('00000000: 0000 0300');
  await page.locator('#decoder-panel button').press('Enter');
  assert.match(await page.locator('#decoder-panel pre').innerText(), /exited with 3/);
  await page.locator('[name=message]').fill('no bytes');
  await page.locator('#decoder-panel button').press('Enter');
  await page.locator('#decoder-panel .bad').waitFor();
  await page.close();
});

browser('fits a dark and a narrow window', async () => {
  const { page } = await open(chromium, `${PAGE}#seed=13&at=240`, { viewport: { width: 420, height: 900 }, colorScheme: 'dark' });
  assert.ok(await page.evaluate<boolean>('document.documentElement.scrollWidth <= innerWidth'), 'nothing reaches beyond the window');
  const [ground, text] = await page.evaluate<string[]>('[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]');
  assert.equal([ground, text], ['rgb(13, 17, 23)', 'rgb(230, 237, 243)']);
  await page.screenshot({ path: `${PICTURES}/narrow.png` });
  await page.setViewportSize({ width: 1400, height: 900 });
  await press(page);
  await page.screenshot({ path: `${PICTURES}/dark.png` });
  await page.close();
});

browser('is served by warden sim --open, to this machine\'s browser and to no other site', async () => {
  const server = spawn(process.execPath, [`${packageRoot}build/js/src/cli/warden.cjs`, 'sim', '--open', '--seed', '2'], {
    stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, DISPLAY: '', WAYLAND_DISPLAY: '' },
  });
  try {
    const [printed] = await once(server.stdout, 'data') as [Buffer], address = printed.toString().split('\n')[0]!;
    assert.match(address, /^http:\/\/127\.0\.0\.1:\d+\/#seed=2$/);
    const { page, errors } = await open(chromium, address);
    assert.match(await verdict(page), /^✓ all checks hold/);
    assert.equal(errors, []);
    await page.close();
    const root = address.replace(/#.*/, '');
    assert.is((await fetch(root, { method: 'POST' })).status, 405);
    assert.equal(await Promise.all(['package.json', '../package.json', '%2e%2e/package.json'].map(async (path) => (await fetch(root + path)).status)), [404, 404, 404]);
  } finally {
    server.kill('SIGINT');
  }
  const [code] = await once(server, 'exit') as [number];
  assert.is(code, 130);
});

inBrowser.run();
