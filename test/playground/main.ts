/**
 * Measures the page's frames on a run of 20,000 events: script, style and layout of each, from the browser's own trace.
 *
 *   node build/js/test/playground/main.js
 *
 * Wants a machine that does nothing else. Exit code 1 when a frame takes longer than the page promises.
 */
import type { CDPSession } from 'playwright-core';
import { type Act, type Command, NO_FAULTS, type Scenario } from '../../src/sim/scenario/scenario.js';
import { eventShown, launch, noBrowser, open, PAGE, PICTURES, verdict } from './browser.js';

const EVENTS = 20_000, P95_MS = 8, MOST_MS = 50;
const PLAY_MS = 8_000, DRAGS = 200, STEPS = 150;

const command = (script: string[], stdout: number): Command => (
  { run: { script }, options: [], stdout, stderr: 0, later: 0, echoes: false, ends: 0 }
);
const link: Act = { do: 'link', job: 0, cursor: undefined, stdout: 'eager', stderr: 'eager' };

/** A job with three links and a wsh beside it, until there are more than enough events. */
const LONG: Scenario = {
  seed: 7, habits: { shorten: 0.1, interrupt: 0.1 }, containers: [{ hooks: {} }], faults: NO_FAULTS,
  acts: ([
    { do: 'job', container: 0, command: command(['write 1 1400000 700', 'exit 0'], 1_400_000), options: ['--ring', '64K'] }, link, link, link,
    { do: 'wsh', container: 0, command: command(['write 1 600000 900', 'exit 0'], 600_000), stdout: 'eager', stderr: 'eager' },
  ] satisfies Act[]).map((act) => ({ after: 5, act })),
};

interface TraceEvent { name: string; ts: number; dur?: number; tdur?: number; tid: number; ph: string }
/** What a frame's main thread does before it paints. */
const WORK = new Set(['FireAnimationFrame', 'UpdateLayoutTree', 'Layout', 'EventDispatch', 'FunctionCall', 'TimerFire', 'RunMicrotasks']);

async function traced(session: CDPSession, act: () => Promise<void>): Promise<TraceEvent[]> {
  const events: TraceEvent[] = [];
  const collect = ({ value }: { value: object[] }): void => { events.push(...value as TraceEvent[]); };
  session.on('Tracing.dataCollected', collect);
  await session.send('Tracing.start', { traceConfig: { includedCategories: ['devtools.timeline'] }, transferMode: 'ReportEvents' });
  await act();
  const ended = new Promise<void>((resolve) => session.once('Tracing.tracingComplete', () => resolve()));
  await session.send('Tracing.end');
  await ended;
  session.off('Tracing.dataCollected', collect);
  return events;
}

/** Milliseconds of script, style and layout of each frame: all work from one animation frame to the next, of its thread. */
function framesOf(events: readonly TraceEvent[], clock: 'dur' | 'tdur'): number[] {
  const fired = events.filter(({ name }) => name === 'FireAnimationFrame'), thread = fired[0]?.tid;
  const work = events.filter(({ name, tid, ph }) => ph === 'X' && tid === thread && WORK.has(name)).sort((a, b) => a.ts - b.ts);
  const frames: number[] = [];
  let end = 0;
  for (const each of work) {
    if (each.name === 'FireAnimationFrame') frames.push(0);
    // What runs inside of another is counted with that.
    if (frames.length === 0 || each.ts < end) continue;
    end = each.ts + (each.dur ?? 0);
    frames[frames.length - 1]! += (each[clock] ?? 0) / 1000;
  }
  return frames.sort((a, b) => a - b);
}

function report(what: string, events: readonly TraceEvent[]): boolean {
  const words = (['tdur', 'dur'] as const).map((clock) => {
    const frames = framesOf(events, clock), at = (part: number): number => frames[Math.floor((frames.length - 1) * part)] ?? 0;
    const text = `${clock === 'tdur' ? 'processor' : 'wall'}: median ${at(0.5).toFixed(1)}, p95 ${at(0.95).toFixed(1)}, most ${at(1).toFixed(1)} ms`;
    return { isGood: frames.length > 10 && at(0.95) <= P95_MS && at(1) <= MOST_MS, text, count: frames.length };
  });
  console.log(`${what}: ${words[0]!.count} frames; ${words.map(({ text }) => text).join('; ')}`);
  return words[0]!.isGood;
}

async function main(): Promise<void> {
  if (noBrowser !== undefined) throw new Error(noBrowser);
  const browser = await launch();
  try {
    const { page } = await open(browser, `${PAGE}#seed=2`);
    await page.locator('#scenario-panel summary').click();
    await page.locator('#scenario').fill(JSON.stringify(LONG));
    const began = performance.now();
    await page.locator('#scenario-panel button').click();
    await page.waitForFunction('/[1-9]\\d{4,} events/.test(document.querySelector("header .verdict").textContent)', undefined, { timeout: 300_000 });
    console.log(`${await verdict(page)}; there after ${((performance.now() - began) / 1000).toFixed(1)} s`);
    const events = Number(/(\d+) events/.exec(await verdict(page))![1]);
    if (events < EVENTS) throw new Error(`${events} events are fewer than ${EVENTS}`);
    await page.locator('#scenario-panel summary').click();
    const session = await page.context().newCDPSession(page);
    const slider = (await page.locator('#time').boundingBox())!;
    const good = [
      report('dragging the time line', await traced(session, async () => {
        await page.mouse.move(slider.x + 2, slider.y + slider.height / 2);
        await page.mouse.down();
        for (let drag = 0; drag < DRAGS; drag++) {
          await page.mouse.move(slider.x + (slider.width - 4) * (0.5 - Math.cos(drag / 9) / 2), slider.y + slider.height / 2);
        }
        await page.mouse.up();
      })),
      report('stepping back', await traced(session, async () => {
        for (let step = 0; step < STEPS; step++) await page.keyboard.press('ArrowLeft');
      })),
    ];
    await page.screenshot({ path: `${PICTURES}/long.png` });
    await page.keyboard.press('Home');
    await page.locator('.controls select').selectOption({ label: '1000' });
    good.push(report('playing, 1,000 events a second', await traced(session, async () => {
      await page.locator('button.play').click();
      await page.waitForTimeout(PLAY_MS);
    })));
    console.log(`event ${await eventShown(page)}`);
    process.exitCode = good.every((each) => each) ? 0 : 1;
  } finally {
    await browser.close();
  }
}

await main();
