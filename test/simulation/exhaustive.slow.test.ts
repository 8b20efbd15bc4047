import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { describeReport, runExhaustive } from '../../src/sim/exhaustive/exhaustive.js';

/** Reached so far; the rest is listed by `warden sim --exhaustive`. */
const SITES_REACHED = 286, BLOWS_STRUCK = 2648;

const exhaustive = suite('every call, failed');

exhaustive('no failure of a call, and no death at one, breaks a check', async () => {
  const report = await runExhaustive();
  assert.is(report.failures.length, 0, describeReport(report));
  assert.ok(report.reached >= SITES_REACHED && report.struck >= BLOWS_STRUCK, describeReport(report));
  console.log(`  ${report.reached} of ${report.sites} call sites, ${report.struck} of ${report.blows} blows, ${report.runs} runs`);
});

exhaustive.run();
