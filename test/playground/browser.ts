/** Debian's Chromium, driven by playwright-core; a page of it that may ask for nothing but what it was opened with. */
import { accessSync, constants } from 'node:fs';
import { type Browser, chromium, type Page } from 'playwright-core';
import { packageRoot, playgroundPath } from '../../src/base/paths.js';

const CHROMIUM = '/usr/bin/chromium';
export const PAGE = `file://${playgroundPath}/index.html`;
const DEADLINE_MS = 90_000;

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

export const noBrowser = isExecutable(CHROMIUM) ? undefined : `no ${CHROMIUM}`;

export interface Opened { readonly page: Page; readonly requests: string[]; readonly errors: string[] }

export function launch(): Promise<Browser> { return chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', '--disable-gpu'], timeout: DEADLINE_MS }); }

/** Opens an address and waits for the verdict of its run. */
export async function open(browser: Browser, address: string, options: Parameters<Browser['newPage']>[0] = {}): Promise<Opened> {
  const page = await browser.newPage({ viewport: { width: 1400, height: 900 }, ...options });
  page.setDefaultTimeout(DEADLINE_MS);
  const requests: string[] = [], errors: string[] = [];
  page.on('request', (request) => requests.push(request.url()));
  page.on('pageerror', (error) => errors.push(error.message));
  page.on('console', (line) => { if (line.type() === 'error') errors.push(line.text()); });
  await page.goto(address);
  await verdict(page);
  return { page, requests, errors };
}

/** What the page says of its run, once that is over. */
export async function verdict(page: Page): Promise<string> {
  await page.locator('.verdict.good, .verdict.bad').first().waitFor();
  return await page.locator('header .verdict').innerText();
}

/** The number of the event that is shown. */
export async function eventShown(page: Page): Promise<number> { return Number(/event (\d+)/.exec(await page.locator('.toolbar output').innerText())![1]); }

export const PICTURES = `${packageRoot}build/playground-pictures`;
