import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { describeReport, runExhaustive } from '../../../src/sim/campaign/exhaustive.js';

const exhaustive = suite('every call, failed');

exhaustive('every call site fails with each errno, and dies before and after, and no check breaks', async () => {
  const report = await runExhaustive();
  assert.equal(report.failures, [], describeReport(report));
  assert.equal(report.missed, [], describeReport(report));
  assert.is(report.reached, report.sites);
  console.log(`  ${report.sites} call sites, ${report.blows} blows, ${report.runs} runs`);
});

exhaustive.run();
