/** `warden sim --open`: the page that shows a simulated host, on this machine, until it is interrupted. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { WardenError } from '../../../base/errors.js';
import { playgroundPath } from '../../../base/paths.js';
import { interruptible } from '../../support/interrupt.js';
import { servePage } from '../../support/page-server.js';
import { printLine } from '../../support/print.js';

export async function openPage(seed: number | undefined): Promise<number> {
  if (!existsSync(playgroundPath)) {
    throw new WardenError('NOT_FOUND', `cannot open the page: there is no ${playgroundPath}; "npm run build:playground" makes it`);
  }
  return interruptible('sim', async (signal) => {
    const { address, close } = await servePage(playgroundPath), page = address + (seed === undefined ? '' : `#seed=${seed}`);
    await printLine(`${page}\nServed until Ctrl-C.`);
    browse(page);
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener('abort', () => resolve(), { once: true });
    });
    await close();
    return 0;
  });
}

/** In the browser of the desktop, where there is one. The address is printed in any case, so a failure is no news. */
function browse(page: string): void {
  if ((process.env['DISPLAY'] ?? process.env['WAYLAND_DISPLAY'] ?? '') === '') return;
  spawn('xdg-open', [page], { stdio: 'ignore', detached: true }).on('error', () => undefined).unref();
}
